"""Item titles, and further columns of their file as attributes, such as a genre or a brand."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from microrank.data.digit_scanner import MAX_ID, complaint
from microrank.data.ids import IdSpace
from microrank.data.line_blocks import shown
from microrank.data.raw_settings import RawSettings
from microrank.data.title_rows import Row, title_rows
from microrank.errors import StudyError

TITLES = pa.schema([pa.field("item_id", pa.int64()), pa.field("title", pa.string())])
CONTROL_CHARACTERS = r"[\x00-\x1f\x7f\x{85}\x{2028}\x{2029}]+"
LONGEST_ATTRIBUTE = 2000  # characters


@dataclass(frozen=True)
class Titles:
    """The titles of a file.

    Attributes:
        table: TITLES, sorted by item, and a column of strings for each attribute.
        n_unknown: titles of ids that no interaction names and that have no number.
        first_id: an id of the file, for messages.
    """

    table: pa.Table
    n_unknown: int
    first_id: str


def read_titles(path: Path, settings: RawSettings | None = None) -> pa.Table:
    """Read titles of items whose ids are whole numbers: table TITLES, sorted by item."""
    return find_titles(path, IdSpace(), settings).table


def find_titles(path: Path, items: IdSpace, settings: RawSettings | None = None) -> Titles:
    """Read titles; each is one line without white space at its ends, and may be empty.

    Args:
        path: the file.
        items: the ids of the interactions.
        settings: how the file is read, and which columns are attributes.

    Raises:
        StudyError: names file, line and value of the first thing that is wrong.
    """
    settings = settings or RawSettings()
    names, rows = title_rows(path, settings)
    lines, columns = _columns(rows, len(names))
    if not len(lines):
        raise StudyError(
            f"{path}: no titles below the header; delete the file and fetch it again, or place "
            "the right one there"
        )
    ids = pc.utf8_trim_whitespace(columns[0])
    _check_ids(path, lines, ids)
    numbers = items.find(ids)
    if not items.is_text:
        _check_numbers(path, lines, ids, numbers)
    table = pa.table([numbers, _one_line(columns[1])], schema=TITLES)
    for name, column in zip(names[2:], columns[2:], strict=True):
        table = table.append_column(
            name, pc.utf8_slice_codeunits(_one_line(column), 0, LONGEST_ATTRIBUTE)
        )
    known = np.flatnonzero(numbers >= 0)
    order = known[np.argsort(numbers[known], kind="stable")]
    _check_each_once(path, ids, numbers[order], lines[order], order)
    return Titles(table.take(order), len(numbers) - len(known), str(ids[0]))


def _check_ids(path: Path, lines: np.ndarray, ids: pa.Array) -> None:
    is_empty = pc.equal(ids, "").to_numpy(zero_copy_only=False)
    if is_empty.any():
        raise StudyError(f"{path}: line {lines[is_empty.argmax()]}: item id '' is empty")


def _check_numbers(path: Path, lines: np.ndarray, ids: pa.Array, numbers: np.ndarray) -> None:
    """Refuse a text among numbers. A file of texts alone is told of later, as matching nothing."""
    is_number = numbers >= 0
    if is_number.any() and not is_number.all():
        at = int(is_number.argmin())
        text = str(ids[at])
        raise StudyError(
            f"{path}: line {lines[at]}: item id {shown(text)} {complaint(text) or 'does not fit'}; "
            f"ids are whole numbers from 0 to {MAX_ID}, as most of the others are"
        )


def _check_each_once(
    path: Path, ids: pa.Array, numbers: np.ndarray, lines: np.ndarray, order: np.ndarray
) -> None:
    repeats = np.flatnonzero(numbers[1:] == numbers[:-1])
    if len(repeats):
        at = repeats[0]
        raise StudyError(
            f"{path}: line {lines[at + 1]}: item {ids[order[at]]} has a title on line {lines[at]} "
            "already; keep one of the two"
        )


def _columns(rows: Iterator[Row], n_columns: int) -> tuple[np.ndarray, list[pa.Array]]:
    """Lines [n], and each column as strings."""
    read = list(rows)
    lines = [line for line, _ in read]
    columns = list(zip(*(row for _, row in read), strict=True)) or [()] * n_columns
    columns += [("",) * len(lines)] * (n_columns - len(columns))  # bare lines have no attributes
    return np.array(lines, np.int64), [pa.array(column, pa.string()) for column in columns]


def _one_line(titles: pa.Array) -> pa.Array:
    """Replace line ends and other control characters by spaces.

    A title that breaks its line would break every list and prompt that it stands in.
    """
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(titles, CONTROL_CHARACTERS, " "))
