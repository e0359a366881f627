"""Ids of any kind as whole numbers, and back.

A column of plain whole numbers is kept as it is: the number is the id. In a column of numbers some
of which are written `12.0`, that is 12. Any other text is an id as it stands (an ASIN, a UUID,
007), and gets the numbers 1, 2, … in the order in which the ids appear in the file.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from microrank.data.text_numbers import TextNumbers

WHOLE, DECIMAL, TEXT = range(3)
POWERS_OF_TEN = 10 ** np.arange(1, 19, dtype=np.int64)
WHOLE_FLOAT = r"^([0-9]+)\.0*$"


class OtherKind(Exception):
    """A column holds an id that is not of the kind that all ids before it were of, but `kind`."""

    def __init__(self, kind: int) -> None:
        super().__init__(kind)
        self.kind = kind


class IdSpace:
    """The ids of one column of a file.

    Attributes:
        kind: WHOLE, DECIMAL or TEXT.
    """

    def __init__(self, kind: int = WHOLE) -> None:
        self.kind = kind
        self._known = TextNumbers()

    @property
    def is_text(self) -> bool:
        """Whether the ids are texts, which have numbers of their own."""
        return self.kind == TEXT

    def numbers_of(self, column: pa.Array) -> np.ndarray:
        """Give each id its number; new texts get the next ones.

        Args:
            column: [n] strings or numbers, none empty.

        Returns:
            [n] int64.

        Raises:
            OtherKind: the file must be read again, with that kind.
        """
        if self.kind == TEXT or pa.types.is_string(column.type):
            column = trimmed(column)
        if self.kind == TEXT:
            return self._known.add(column) + 1
        numbers = whole_numbers(column, allow_decimals=self.kind == DECIMAL)
        if numbers is None:
            raise OtherKind(DECIMAL if self._are_decimals(column) else TEXT)
        return numbers

    def _are_decimals(self, column: pa.Array) -> bool:
        return self.kind == WHOLE and whole_numbers(column, allow_decimals=True) is not None

    def find(self, column: pa.Array) -> np.ndarray:
        """Look ids up that stand in another file.

        Args:
            column: [n] strings or numbers.

        Returns:
            [n] int64: their numbers; -1 for an id that was never met, where ids are texts, and
                for one that is no whole number, where they are numbers.
        """
        texts = trimmed(column)
        if self.kind == TEXT:
            places = self._known.find(texts)
            return np.where(places < 0, -1, places + 1)
        numbers = whole_numbers(texts, allow_decimals=True)
        if numbers is not None:
            return numbers
        plain = pc.replace_substring_regex(texts, WHOLE_FLOAT, r"\1")
        fits = pc.match_substring_regex(plain, r"^(0|[1-9][0-9]{0,17})$")
        numbers = np.full(len(texts), -1)
        is_whole = fits.to_numpy(zero_copy_only=False)
        numbers[is_whole] = plain.filter(fits).cast(pa.int64()).to_numpy()
        return numbers

    def texts_of(self, numbers: np.ndarray) -> pa.Array:
        """The ids as the user wrote them.

        Args:
            numbers: [n] int64.
        """
        if self.kind != TEXT:
            return pa.array(numbers).cast(pa.string())
        return self._known.texts.take(pa.array(numbers - 1))


def whole_numbers(column: pa.Array, *, allow_decimals: bool = False) -> np.ndarray | None:
    """Read plain whole numbers from 0 to 2^63 − 1, without leading zeros.

    Args:
        column: [n] strings or numbers.
        allow_decimals: whether `12.0` is 12.

    Returns:
        [n] int64; None where some value is anything else.
    """
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return _of_numeric(column)
    if allow_decimals:
        column = pc.replace_substring_regex(as_texts(column), WHOLE_FLOAT, r"\1")
    if len(column) and not (column[0].as_py() or "").isdigit():
        return None  # casts try all values, and a failure costs far more than a number
    try:
        numbers = column.cast(pa.int64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return None
    n_digits = np.searchsorted(POWERS_OF_TEN, numbers, side="right") + 1
    lengths = pc.binary_length(column).to_numpy(zero_copy_only=False)
    if numbers.min(initial=0) < 0 or (n_digits != lengths).any():
        return None
    return numbers


def _of_numeric(column: pa.Array) -> np.ndarray | None:
    try:
        numbers = column.cast(pa.int64()).to_numpy(zero_copy_only=False)  # refuses 12.5
    except pa.ArrowInvalid:
        return None
    return numbers if numbers.min(initial=0) >= 0 else None


def trimmed(column: pa.Array) -> pa.Array:
    """A column as strings without white space at their ends; empty ones for null."""
    texts = as_texts(column)
    if texts.null_count:
        texts = texts.fill_null("")
    return pc.utf8_trim_whitespace(texts) if _may_hold_white_space(texts) else texts


def _may_hold_white_space(texts: pa.Array) -> bool:
    """Look at all bytes at once, which is far faster than text by text."""
    data = texts.buffers()[2]
    if data is None:
        return False
    # Of ASCII, what lies from ! to ~ is none; other bytes may be.
    return bool((np.frombuffer(data, np.uint8) - np.uint8(ord("!")) > ord("~") - ord("!")).any())


def as_texts(column: pa.Array) -> pa.Array:
    """A column as strings."""
    return column if pa.types.is_string(column.type) else column.cast(pa.string())
