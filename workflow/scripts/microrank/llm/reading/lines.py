"""Plain text of an answer as lists: numbered, bulleted or labelled lines, tables and sequences."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from microrank.llm.reading.rows import Block, Column, Role, Row, row_of_line
from microrank.llm.reading.sequences import (
    KIND,
    inner_sequence,
    is_labelled_list,
    sequence_of,
    titled_parts,
)
from microrank.llm.reading.shown import TOKEN_START, Shown
from microrank.llm.reading.tables import is_table_line, separator_of, table_block

MAX_LINES = 2_000
MAX_LINE = 3_000  # characters of a line that are read, the last ones
_INLINE_MARK = re.compile(r"(?:(?<=[\s,;])|^)(?:\*\*)?(\d{1,3})[.)](?:\*\*)?\s+")
_INLINE_PAIR = re.compile(
    rf"{KIND}[\[\"'`]?\d{{1,19}}[\]\"'`]?\s*(?:[:=→]|->|\()\s*(?:(?:score|rank|place)\s*:?\s*)?"
    r"-?\d{1,7}(?:\.\d+)?(?:\s*/\s*\d+|%)?\)?",
    re.IGNORECASE,
)
_BULLET = re.compile(r"^\s*[-*+•·▪►–—]\s+")
_HEADING = re.compile(r"^\s*(?:#{1,6}\s|\*\*[^*]+\*\*:?\s*$)|:\s*\**\s*$")
_ATTRIBUTE = re.compile(
    r"^\W*(?:score|rating|relevance|likelihood|confidence|id|video id|item id|rank|position|place|"
    r"title|name)\W{0,4}[:=]",
    re.IGNORECASE,
)
_TOP = re.compile(r"top\s+\d+\s*:", re.IGNORECASE)
_ARROW = re.compile(r"→|➔|➜|⇒|->|=>")
_BOLD = re.compile(r"\*\*|__")
_WIDE_MARK = re.compile(r"^(\s*\d{1,3})、", re.MULTILINE)
_LETTER_MARK = re.compile(r"^(\s*)[A-Za-z][.)]\s+(?=\S)", re.MULTILINE)
_HTML_TABLE = (
    (re.compile(r"(?:\s*</?(?:table|thead|tbody|tr)\b[^>]*>\s*)+", re.IGNORECASE), "\n"),
    (re.compile(r"<t[dh]\b[^>]*>", re.IGNORECASE), "| "),
    (re.compile(r"</t[dh]>", re.IGNORECASE), " "),
)
_KEYCAP = re.compile("(\\d)\ufe0f?\u20e3")
_PUNCTUATION = str.maketrans("，、；：（）［］．＞【】　", ",,;:()[].>[] ")


@dataclass
class _Run:
    """Lines of one kind that follow each other."""

    kind: str
    start: int
    heading: str
    lines: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    end: int = 0


def tidied(text: str) -> str:
    """The text with plain punctuation, without code fences, and with one entry a line."""
    if len(_WIDE_MARK.findall(text)) > 1:
        text = _WIDE_MARK.sub(r"\1. ", text)
    text = _KEYCAP.sub(r"\1. ", text.translate(_PUNCTUATION))
    text = re.sub(r"^\s*```[A-Za-z]*\s*$", "", text, flags=re.MULTILINE)
    if len(_LETTER_MARK.findall(text)) > 1:
        text = _LETTER_MARK.sub(r"\1- ", text)
    for mark, plain in _HTML_TABLE:
        text = mark.sub(plain, text)
    text = re.sub(r"<br\s*/?>|</?li>|</?[ou]l>|</?p>", "\n", text, flags=re.IGNORECASE)
    return _BOLD.sub("", text)


def text_blocks(text: str, shown: Shown, answer_format: str) -> list[Block]:
    """All lists in a text, in the order in which they end.

    Args:
        text: The answer proper, tidied, without its JSON.
        shown: What the prompt showed.
        answer_format: What it asked for; where that is scores, `7 → 8` is no sequence of names.
    """
    lines = list(_lines(text))[:MAX_LINES]
    blocks, rest = _take_tables(lines)
    return sorted(
        [*blocks, *_runs(rest, shown, answer_format != "scores")], key=lambda block: block.end
    )


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Each line and where it begins; a list within a line is one line per entry."""
    start = 0
    for line in text.split("\n"):
        skipped = max(0, len(line) - MAX_LINE)
        yield from _entries(start + skipped, line[skipped:])
        start += len(line) + 1


def _entries(start: int, line: str) -> Iterator[tuple[int, str]]:
    parts = re.split(r"[,;]\s*", line.strip().rstrip("."))
    if len(parts) > 1 and all(map(_INLINE_PAIR.fullmatch, parts)):
        yield from ((start, part) for part in parts)
        return
    marks = [mark for mark in _INLINE_MARK.finditer(line) if _is_open(line, mark)]
    numbers = [int(mark[1]) for mark in marks]
    if len(marks) < 2 or numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        yield start, line
        return
    if before := line[: marks[0].start()]:
        yield start, before
    ends = [*(mark.start() for mark in marks[1:]), len(line)]
    for mark, end in zip(marks, ends, strict=True):
        yield start + mark.start(), line[mark.start() : end].rstrip().rstrip(",;")


def _is_open(line: str, mark: "re.Match[str]") -> bool:
    """Whether `7)` numbers an entry, rather than closes a bracket as in `(video 7)`."""
    before = line[: mark.start()]
    return before.count("(") <= before.count(")")


def _take_tables(lines: list[tuple[int, str]]) -> tuple[list[Block], list[tuple[int, str]]]:
    blocks: list[Block] = []
    rest: list[tuple[int, str]] = []
    place = 0
    while place < len(lines):
        separator = "|" if is_table_line(lines[place][1]) else separator_of(lines[place][1])
        last = place
        while separator and last < len(lines) and _continues(lines[last][1], separator):
            last += 1
        inside = lines[place:last]
        block = (
            table_block([line for _, line in inside], inside[0][0], _end(inside), separator)
            if separator and len(inside) > 1
            else None
        )
        if block is None:
            rest.append(lines[place])
            place += 1
        else:
            blocks.append(block)
            rest.append((lines[place][0], ""))
            place = last
    return blocks, rest


def _continues(line: str, separator: str) -> bool:
    return is_table_line(line) if separator == "|" else separator in line


def _end(lines: Sequence[tuple[int, str]]) -> int:
    return lines[-1][0] + len(lines[-1][1])


def _runs(lines: Sequence[tuple[int, str]], shown: Shown, has_sequences: bool) -> Iterator[Block]:
    open_runs: dict[str, _Run] = {}
    closed: list[_Run] = []
    heading = ""
    last: _Run | None = None
    for start, line in lines:
        if not line.strip():
            continue
        if last is not None and _is_attribute(line) and last.kind not in ("sequence", "number"):
            last.lines[-1] += " ; " + line.strip()
            last.rows[-1] = row_of_line(last.lines[-1])
            last.end = start + len(line)
            continue
        for kind, rows in _classified(line, shown, has_sequences):
            run = open_runs.get(kind)
            if run is None or not _goes_on(run, rows, line):
                if run is not None:
                    closed.append(run)
                run = open_runs[kind] = _Run(kind, start, heading)
            run.rows += rows
            run.lines += [line] * len(rows)
            run.end = start + len(line)
            last = run
            if kind in ("sequence", "prose", "number"):
                run.heading = f"{run.heading}\n{line}" if is_labelled_list(line) else run.heading
            break
        else:
            heading = line
            if _HEADING.search(line):
                numbered = {k: r for k, r in open_runs.items() if k == "numbered"}
                closed += [run for kind, run in open_runs.items() if kind not in numbered]
                open_runs, last = numbered, None
    for run in [*closed, *open_runs.values()]:
        _part_pairs(run)
        yield Block(tuple(run.rows), run.start, _kind_of(run), run.heading, end=run.end)


def _part_pairs(run: _Run) -> None:
    """Make a run of lines such as `7 → 1` one of pairs: it is no sequence of names."""
    lines = list(dict.fromkeys(run.lines))
    is_of_pairs = len(lines) > 1 and all(run.lines.count(line) == 2 for line in lines)
    if run.kind != "sequence" or not is_of_pairs or any(row.text for row in run.rows):
        return
    numbers = [value for row in run.rows for value in row.numbers.values()]
    start, value = Column(Role.UNKNOWN, "start"), Column(Role.UNKNOWN, "value")
    run.kind = "start"
    run.rows = [
        Row({start: first, value: second})
        for first, second in zip(numbers[::2], numbers[1::2], strict=True)
    ]


def _is_attribute(line: str) -> bool:
    """Whether a line says more of the entry before it, such as `Score: 8`."""
    return bool(_ATTRIBUTE.match(line)) and not _BULLET.match(line)


def _kind_of(run: _Run) -> str:
    return run.kind if run.kind in ("sequence", "prose") else "list"


def _classified(line: str, shown: Shown, has_sequences: bool) -> Iterator[tuple[str, list[Row]]]:
    """The kind of a list's entry that a line is, and its rows; nothing of ordinary prose."""
    bare = line.strip().strip("*_`").strip()
    row = row_of_line(line)
    columns = {(column.role, column.name) for column in row.numbers}
    if has_sequences and _TOP.match(bare) and len(best := sequence_of(bare) or []) > 1:
        yield "sequence", best
        return
    if (Role.LIST_MARK, "lead") in columns or (Role.PLACE, "lead") in columns:
        yield "numbered", [row]
        return
    if _ATTRIBUTE.match(_BULLET.sub("", line)):
        yield "bullet", [row]
        return
    if has_sequences and (sequence := sequence_of(bare)):
        yield ("number" if len(sequence) == 1 else "sequence"), sequence
        return
    if has_sequences and (parts := titled_parts(bare, shown)):
        yield "sequence", parts
        return
    if re.match(r"^[\s*_>-]*\[\s*#?\d+\s*\]", line):
        yield "bracket", [row]
    elif (Role.UNKNOWN, "start") in columns and re.match(r"^[\s*_`\"'(#>•-]*\d", line):
        yield "start", [row]
    elif _BULLET.match(line):
        yield "bullet", [row]
    elif re.match(rf"^[\s*_>]*{KIND}[\[#(]?\d", line, re.IGNORECASE):
        yield "labelled", [row]
    elif bare.startswith(TOKEN_START) or (
        not _HEADING.search(line) and shown.group_of(row.text) is not None
    ):
        yield "titled", [row]
    elif inner := inner_sequence(line):
        yield "prose", inner


def _goes_on(run: _Run, rows: Sequence[Row], line: str) -> bool:
    """Whether these rows continue a run, rather than begin another list."""
    if run.kind == "number":
        return True
    if run.kind == "prose":
        return False
    if run.kind == "sequence":
        if _is_pair(line, rows) and all(map(_ARROW.search, run.lines)):
            return _whole(rows[0]) not in {_whole(row) for row in run.rows[::2]}
        before = {_whole(row) for row in run.rows}
        return not any(_whole(row) in before for row in rows)
    if run.kind == "numbered":
        return _numbering_goes_on(run, rows[0])
    first = _first(rows[0])
    return first not in [_first(row) for row in run.rows]


def _is_pair(line: str, rows: Sequence[Row]) -> bool:
    """Whether a line is such as `7 → 1`, which may give candidate 7 place 1."""
    return len(rows) == 2 and bool(_ARROW.search(line)) and not is_labelled_list(line)


def _whole(row: Row) -> tuple[object, ...]:
    return (*row.numbers.values(), row.text)


def _numbering_goes_on(run: _Run, row: Row) -> bool:
    return _lead(row) not in [_lead(earlier) for earlier in run.rows]


def _lead(row: Row) -> float:
    return next(value for column, value in row.numbers.items() if column.name == "lead")


def _first(row: Row) -> object:
    """What tells an entry from another one of the same list."""
    names = [
        (column.role, value)
        for column, value in row.numbers.items()
        if column.role is not Role.SCORE
    ]
    labelled = [name for name in names if name[0] is Role.CANDIDATE]
    return next(iter([*labelled, *names]), row.text)
