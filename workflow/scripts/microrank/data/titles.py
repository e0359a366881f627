"""Item titles from raw files.

A file has rows under the header `item,title` (RFC 4180 quoting), the same without a header, or
bare lines `id, title`. The first line tells them apart: a comma and a space after the id mean bare
lines, in which quotes and further commas belong to the title.
"""

import csv
import io
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from microrank.data.digit_scanner import MAX_ID, complaint
from microrank.data.line_blocks import shown
from microrank.errors import StudyError

HEADER = ["item", "title"]
TITLES = pa.schema([pa.field("item_id", pa.int64()), pa.field("title", pa.string())])
BARE_LINE = re.compile(r"[^,]*, ")
CONTROL_CHARACTERS = r"[\x00-\x1f\x7f\x{85}\x{2028}\x{2029}]+"
LONGEST_TITLE = csv.field_size_limit()


def read_titles(path: Path) -> pa.Table:
    """Read titles; each is one line without white space at its ends, and may be empty.

    Args:
        path: the file.

    Returns:
        Table TITLES, sorted by item.

    Raises:
        StudyError: names file, line and value of the first thing that is wrong.
    """
    text = _decoded(path)
    first_line = text[: text.find("\n")] if "\n" in text else text
    if BARE_LINE.match(first_line):
        lines, ids, titles = _bare_lines(path, text)
    else:
        lines, ids, titles = _quoted_rows(path, text)
    table = pa.table([_item_ids(path, lines, ids), _one_line(titles)], schema=TITLES)
    order = np.argsort(table["item_id"].to_numpy(), kind="stable")
    table = table.take(order)
    _check_each_once(path, table["item_id"].to_numpy(), lines[order])
    return table


def _check_each_once(path: Path, items: np.ndarray, lines: np.ndarray) -> None:
    repeats = np.flatnonzero(items[1:] == items[:-1])
    if len(repeats):
        at = repeats[0]
        raise StudyError(
            f"{path}: line {lines[at + 1]}: item {items[at]} has a title on line {lines[at]} "
            "already; keep one of the two"
        )


def _decoded(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise StudyError(
            f"{path}: no such file; place it there, or correct its path in config.yaml"
        ) from None
    except OSError as error:
        raise StudyError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise StudyError(
            f"{path}: line {line}: byte 0x{raw[error.start]:02x} is not UTF-8; save the file as "
            "UTF-8"
        ) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise StudyError(
            f"{path}: line {line}: there is a NUL byte: the file is damaged, or is UTF-16; save "
            "it as UTF-8"
        )
    if not text.strip():
        raise StudyError(
            f"{path}: the file is empty; delete it and fetch it again, or place the right one there"
        )
    return text


def _bare_lines(path: Path, text: str) -> tuple[np.ndarray, pa.Array, pa.Array]:
    """Numbers of the lines, ids and titles, all as they stand in the file."""
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    parts = pc.split_pattern(pa.array(lines, pa.large_string()), ",", max_splits=1)
    lone = np.flatnonzero(pc.list_value_length(parts).to_numpy() < 2)
    if len(lone):
        raise StudyError(
            f"{path}: line {lone[0] + 1}: no comma in {shown(lines[lone[0]])}; an id, a comma and "
            "a title are expected"
        )
    ids, titles = pc.list_element(parts, 0), pc.list_element(parts, 1)
    too_long = np.flatnonzero(pc.utf8_length(titles).to_numpy() > LONGEST_TITLE)
    if len(too_long):
        raise StudyError(
            f"{path}: line {too_long[0] + 1}: a title of more than {LONGEST_TITLE} characters; "
            "shorten it"
        )
    return np.arange(len(lines)) + 1, ids, titles


def _quoted_rows(path: Path, text: str) -> tuple[np.ndarray, pa.Array, pa.Array]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows, last_lines = [], [0]
    try:
        for row in reader:
            rows.append(row)
            last_lines.append(reader.line_num)
    except csv.Error as error:
        raise StudyError(
            f"{path}: line {last_lines[-1] + 1}: {_explained(error)}; quote titles as RFC 4180 says"
        ) from error
    lines = np.array(last_lines[:-1]) + 1
    if [field.strip() for field in rows[0]] == HEADER:
        rows, lines = rows[1:], lines[1:]
    elif complaint(rows[0][0].strip() if rows[0] else ""):
        line = shown(text.splitlines()[0])
        raise StudyError(
            f"{path}: line 1: found {line} where the header 'item,title', or an id, a comma and a "
            "title are expected"
        )
    if not rows:
        raise StudyError(
            f"{path}: no titles below the header; delete the file and fetch it again, or place "
            "the right one there"
        )
    wrong = np.flatnonzero(np.fromiter(map(len, rows), np.int64, len(rows)) != len(HEADER))
    if len(wrong):
        at = wrong[0]
        raise StudyError(f"{path}: line {lines[at]}: {_wrong_fields(rows[at])}")
    ids, titles = zip(*rows, strict=True)
    return lines, pa.array(ids, pa.large_string()), pa.array(titles, pa.large_string())


def _wrong_fields(row: list[str]) -> str:
    if not row:
        return "the line is blank; remove it"
    return (
        f"{len(row)} fields where an id and a title are expected; quote a title that holds commas"
    )


def _explained(error: csv.Error) -> str:
    if "field larger" in str(error):
        return (
            f"a title of more than {LONGEST_TITLE} characters: is a quotation mark missing at its "
            "end?"
        )
    if "unexpected end" in str(error):
        return "a quotation mark opens here that nothing closes: was the file cut off?"
    return f"the quotation marks do not fit ({error})"


def _item_ids(path: Path, lines: np.ndarray, ids: pa.Array) -> pa.Array:
    ids = pc.utf8_trim_whitespace(ids)
    fits = pc.match_substring_regex(ids, r"^[0-9]{1,19}$")
    try:
        return (
            ids.filter(fits).cast(pa.int64())
            if pc.all(fits).as_py()
            else _raise_bad_id(path, lines, ids)
        )
    except pa.ArrowInvalid:
        return _raise_bad_id(path, lines, ids)


def _raise_bad_id(path: Path, lines: np.ndarray, ids: pa.Array) -> pa.Array:
    for line, text in zip(lines, ids.to_pylist(), strict=True):
        if wrong := complaint(text):
            raise StudyError(
                f"{path}: line {line}: item id {shown(text)} {wrong}; ids are whole numbers from 0 "
                f"to {MAX_ID}"
            )
    raise AssertionError("an id that fits was refused")


def _one_line(titles: pa.Array) -> pa.Array:
    """Replace line ends and other control characters by spaces.

    A title that breaks its line would break every list and prompt that it stands in.
    """
    return pc.utf8_trim_whitespace(
        pc.replace_substring_regex(titles, CONTROL_CHARACTERS, " ")
    ).cast(pa.string())
