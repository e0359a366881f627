"""Decimal numbers out of raw bytes, millions at a time: the scanner under both formats of interactions."""

import numpy as np

MAX_ID = 2**63 - 1
MAX_DIGITS = 19  # of MAX_ID


class NotANumber(Exception):
    """The token that ends at byte `offset` is no number from 0 to MAX_ID."""

    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.offset = offset


def scan_numbers(block: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read a block in which numbers are ended by single bytes that are no digits; the last byte must be such an end.

    Returns:
        values [n] int64; separators [n] uint8, the byte that ends each number; ends [n] int64, the offset of that byte.

    Raises:
        NotANumber: for the first token that is empty or larger than MAX_ID.
    """
    characters = np.frombuffer(block, np.uint8)
    digits = characters - np.uint8(ord("0"))  # what is no digit wraps to 10 or more
    ends = np.flatnonzero(digits > 9)
    lengths = np.diff(ends, prepend=-1) - 1
    longest = int(lengths.max(initial=0))
    if longest > MAX_DIGITS or lengths.min(initial=1) < 1:
        raise NotANumber(int(ends[np.flatnonzero((lengths < 1) | (lengths > MAX_DIGITS))[0]]))

    values = digits[ends - 1].astype(np.int64)
    longer = np.arange(len(ends))
    for place in range(1, longest):
        longer = longer[lengths[longer] > place]
        values[longer] += digits[ends[longer] - 1 - place] * np.int64(10**place)
    if values.min(initial=0) < 0:  # 19 digits above MAX_ID wrap around once, to below zero
        raise NotANumber(int(ends[np.flatnonzero(values < 0)[0]]))
    return values, characters[ends], ends


def leading_numbers(block: bytes) -> np.ndarray:
    """[n_lines] int64, the number that each line of `block` starts with; of no meaning where a line starts with something else."""
    digits = np.frombuffer(block, np.uint8) - np.uint8(ord("0"))
    at = np.concatenate([[0], np.flatnonzero(digits == (ord("\n") - ord("0")) % 256)[:-1] + 1])
    values = np.zeros(len(at), np.int64)
    going = np.arange(len(at))
    for place in range(MAX_DIGITS):
        going = going[digits[at[going] + place] < 10]
        values[going] = values[going] * 10 + digits[at[going] + place]
    return values


def complaint(text: str) -> str | None:
    """What is wrong with `text` as a number from 0 to MAX_ID; None where nothing is."""
    if not text:
        return "is empty"
    if "\0" in text:
        return "holds a NUL byte: the file is damaged, or is UTF-16"
    if text.isascii() and text.isdigit():
        return None if int(text[:40]) <= MAX_ID else f"is larger than {MAX_ID}"
    if text[0] == "-" and text[1:].isdigit():
        return "is negative"
    return "is no whole number"
