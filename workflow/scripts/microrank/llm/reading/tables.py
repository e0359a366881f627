"""Tables in an answer, in Markdown or separated by commas, semicolons or tabs, as rows."""

import re
from collections.abc import Sequence
from dataclasses import replace

from microrank.llm.reading.json_rows import as_score, as_whole_number
from microrank.llm.reading.rows import Block, Column, Role, Row, role_of_name, row_of_line

_RULE = re.compile(r"^[\s|:+=-]+$")
_TITLE_HEADER = re.compile(r"title|name|video|movie|film", re.I)


def is_table_line(line: str) -> bool:
    """Whether a line is a row of a Markdown table."""
    stripped = line.strip()
    return stripped.count("|") >= 2 or (stripped.startswith("|") and len(stripped) > 1)


def separator_of(line: str) -> str | None:
    """What separates the columns of a table with this header line; None of other lines."""
    for separator in ("\t", ";", ","):
        cells = [cell.strip().strip('"') for cell in line.split(separator)]
        roles = [role_of_name(cell) for cell in cells]
        are_short = all(0 < len(cell) <= 20 and len(cell.split()) <= 2 for cell in cells)
        if len(cells) > 1 and are_short and all(roles):
            return separator
    return None


def table_block(lines: Sequence[str], start: int, end: int, separator: str = "|") -> Block | None:
    """The rows of a table; None where it has none."""
    rows = [_cells(line, separator) for line in lines if not _RULE.match(line)]
    if not rows:
        return None
    rows = _upright(rows)
    header = rows[0]
    has_header = not any(as_whole_number(cell) is not None for cell in header) and any(
        role_of_name(cell) for cell in header
    )
    names = header if has_header else []
    width = len(header)
    body = [_row(cells, names) if len(cells) == width else Row({}) for cells in rows[has_header:]]
    return Block(tuple(body), start, "table", end=end) if body else None


def _upright(rows: list[list[str]]) -> list[list[str]]:
    """The rows of a table; of one that lies on its side, with headings in front, its columns."""
    are_equally_long = len({len(row) for row in rows}) == 1
    has_headings = len(rows) > 1 and all(role_of_name(row[0]) for row in rows)
    numbered = [row for row in rows if all(as_whole_number(cell) is not None for cell in row[1:])]
    if are_equally_long and has_headings and rows[0] in numbered and len(rows[0]) > 1:
        return [list(column) for column in zip(*rows, strict=True)]
    return rows


def _cells(line: str, separator: str) -> list[str]:
    if separator == "|":
        line = line.strip().removeprefix("|").removesuffix("|")
    return [cell.strip().strip('"*_` ') for cell in line.split(separator)]


def _row(cells: Sequence[str], header: Sequence[str]) -> Row:
    numbers: dict[Column, float] = {}
    texts: list[tuple[bool, str]] = []
    for place, cell in enumerate(cells):
        name = header[place] if place < len(header) else ""
        role = role_of_name(name) or Role.UNKNOWN
        column = Column(role, f"column {place}")
        number = as_whole_number(cell) if role is not Role.SCORE else as_score(cell)
        if number is None and role is Role.UNKNOWN:
            number = as_score(cell)
        if number is not None:
            numbers[column] = number
            continue
        row = row_of_line(cell)
        marked = {
            replaced: value
            for (kind, inner), value in row.numbers.items()
            for replaced in [Column(kind, f"{inner} of column {place}")]
            if kind in (Role.CANDIDATE, Role.SCORE)
            or (role in (Role.CANDIDATE, Role.PLACE) and inner in ("start", "lead", "end"))
        }
        if role in (Role.CANDIDATE, Role.PLACE):
            marked = {Column(role, inner.name): value for inner, value in marked.items()}
        numbers |= marked
        if row.text:
            texts.append((not _TITLE_HEADER.search(name), row.text))
    text = next((text for _, text in texts if "\ue000" in text), None)
    if text is None:
        text = min(texts, key=lambda one: one[0])[1] if texts else ""
    return replace(Row(numbers), text=text)
