"""Decimal numbers out of raw bytes, millions at a time."""

import numpy as np

MAX_ID = 2**63 - 1
MAX_DIGITS = 19  # of MAX_ID
ZERO = np.uint8(ord("0"))
# By the length of a number: the bits of its last eight digits in a 64-bit word that ends with it.
DIGIT_BITS = np.array(
    [
        0x0F0F0F0F0F0F0F0F >> missing << missing
        for missing in (8 * max(8 - n, 0) for n in range(MAX_DIGITS + 1))
    ],
    np.uint64,
)


class NotANumber(Exception):
    """The token that ends at byte `offset` is no number from 0 to MAX_ID."""

    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.offset = offset


def scan_numbers(block: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read a block of numbers, each of which is ended by one byte that is no digit.

    Args:
        block: its last byte must be such an end.

    Returns:
        values: [n] int64.
        separators: [n] uint8, the byte that ends each number.
        ends: [n] int64, the offset of that byte.

    Raises:
        NotANumber: for the first token that is empty or larger than MAX_ID.
    """
    characters = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(characters - ZERO > 9)  # what is no digit wraps to 10 or more
    lengths = ends.copy()
    lengths[1:] -= ends[:-1] + 1
    longest = int(lengths.max(initial=0))
    if lengths.min(initial=1) < 1 or longest > MAX_DIGITS:
        raise NotANumber(int(ends[np.flatnonzero((lengths < 1) | (lengths > MAX_DIGITS))[0]]))
    values = _last_eight_digits(block, ends, lengths)
    for place in range(8, longest, 8):
        longer = np.flatnonzero(lengths > place)
        values[longer] += _last_eight_digits(
            block, ends[longer] - place, lengths[longer] - place
        ) * np.int64(10**place)
    if values.min(initial=0) < 0:  # 19 digits above MAX_ID wrap around once, to below zero
        raise NotANumber(int(ends[np.flatnonzero(values < 0)[0]]))
    return values, characters[ends], ends


def _last_eight_digits(block: bytes, ends: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """[n] int64: the number that up to eight digits before each of `ends` make.

    All eight are read at once, inside one 64-bit word whose lowest byte is the leftmost digit.
    Neighbours are joined to numbers of two, then four, then eight digits. Each step adds ten
    (a hundred, ten thousand) times the left number to the right one, by one multiplication, and
    shifts the sum down.
    """
    windows = np.ndarray((len(block) + 1,), "<u8", b"0" * 8 + block, strides=(1,))
    words = windows[ends]
    words &= DIGIT_BITS[lengths]
    words *= np.uint64(10 << 8 | 1)
    words >>= np.uint64(8)
    words &= np.uint64(0x00FF00FF00FF00FF)
    words *= np.uint64(100 << 16 | 1)
    words >>= np.uint64(16)
    words &= np.uint64(0x0000FFFF0000FFFF)
    words *= np.uint64(10_000 << 32 | 1)
    words >>= np.uint64(32)
    return words.view(np.int64)


def leading_numbers(block: bytes) -> np.ndarray:
    """Read the number at the start of each line.

    Returns:
        [n_lines] int64; without meaning where a line starts with something else.
    """
    characters = np.frombuffer(block, np.uint8)
    digits = characters - ZERO
    starts = np.concatenate([[0], np.flatnonzero(characters == ord("\n"))[:-1] + 1])
    values = np.zeros(len(starts), np.int64)
    open_lines = np.arange(len(starts))
    for place in range(MAX_DIGITS):
        open_lines = open_lines[digits[starts[open_lines] + place] < 10]
        values[open_lines] = values[open_lines] * 10 + digits[starts[open_lines] + place]
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
