"""Rows whose fields are all plain whole numbers: read by the digit scanner, the fastest way."""

from collections.abc import Iterator
from functools import cache
from typing import BinaryIO

import numpy as np

from microrank.data.digit_scanner import NotANumber, scan_numbers
from microrank.data.line_blocks import whole_lines

DIGITS, HEXADECIMAL = b"0123456789", b"xX"
DROPPED = b'\r\n\t "'  # by arrow's parser, before a number


class NoNumbers(Exception):
    """The fields of a file are not all plain numbers."""


def whole_number_rows(
    stream: BinaryIO, separator: str, n_columns: int, n_header_lines: int
) -> Iterator[tuple[np.ndarray, int]]:
    """Read rows that hold a fixed number of plain whole numbers.

    Args:
        stream: of UTF-8.
        separator: of the fields, one byte.
        n_columns: how many fields each row has.
        n_header_lines: how many lines stand above the rows.

    Yields:
        [n, n_columns] int64; and the line of the first of these rows, from 1.

    Raises:
        NoNumbers: some row is anything else, or a number has a leading zero.
    """
    for _ in range(n_header_lines):
        stream.readline()
    line = 1 + n_header_lines
    for text in whole_lines(stream):
        values = _rows(text, separator.encode(), n_columns)
        yield values, line
        line += len(values)


def _rows(text: bytes, separator: bytes, n_columns: int) -> np.ndarray:
    try:
        values, separators, ends = scan_numbers(text)
    except NotANumber:
        raise NoNumbers from None
    n_rows, rest = divmod(len(values), n_columns)
    expected = np.frombuffer(separator * (n_columns - 1) + b"\n", np.uint8)
    if rest or (separators.reshape(n_rows, n_columns) != expected).any():
        raise NoNumbers
    starts = np.concatenate([[0], ends[:-1] + 1])
    is_zero = np.frombuffer(text, np.uint8)[starts] == ord("0")
    if (is_zero & (ends - starts > 1)).any():
        raise NoNumbers
    return values.reshape(n_rows, n_columns)


def begins_with_zero(text: bytes, separator: bytes, followed_by: bytes) -> bool:
    """Whether a field begins with a zero that one of some characters follows.

    Arrow reads 007 and "007" as 7, and 0x10 as 16.

    Args:
        text: whole fields, with what stands before the first one.
        separator: of the fields.
        followed_by: the characters.
    """
    if not any(character in text for character in followed_by):
        return False
    characters = np.frombuffer(text, np.uint8)
    zeros = 1 + np.flatnonzero(characters[1:-1] == ord("0"))
    zeros = zeros[_is_one_of(followed_by)[characters[zeros + 1]]]
    return bool(_is_one_of(DROPPED + separator)[characters[zeros - 1]].any())


def begins_with_minus(text: bytes, separator: bytes) -> bool:
    """Whether a field begins with a minus; arrow reads -0 as 0, and -007 as -7.

    Args:
        text: as of `begins_with_zero`.
        separator: of the fields.
    """
    if b"-" not in text:
        return False
    characters = np.frombuffer(text, np.uint8)
    signs = 1 + np.flatnonzero(characters[1:] == ord("-"))
    return bool(_is_one_of(DROPPED + separator)[characters[signs - 1]].any())


@cache
def _is_one_of(characters: bytes) -> np.ndarray:
    """[256] bool, by character."""
    return np.isin(np.arange(256), list(characters))
