"""Times of interactions, as numbers in any usual unit or as ISO dates, in microseconds.

The unit follows from the size of the numbers: those of 1e8 up to 1e11 are seconds (the years 1973
to 5138), times 1,000 milliseconds, and so on. Smaller numbers only say an order.
"""

import calendar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

UNITS = ("order", "s", "ms", "us", "ns", "date")
LIMITS = np.array([1e8, 1e11, 1e14, 1e17])  # below the first: order only
MICROSECONDS = (1e6, 1e6, 1e3, 1.0, 1e-3)  # of a unit, by its place in UNITS
LARGEST = 9e18  # microseconds; beyond, 64 bits do not suffice
DATE = UNITS.index("date")
WORDS = {
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
    "date": "dates",
}
LONG_DATE = r"^\w{3} (\w{3}) (\d\d) (\d\d:\d\d:\d\d) ([+-]\d{4}) (\d{4})$"  # as Goodreads has them
MONTHS = calendar.month_abbr[1:]


def read_times(column: pa.Array, unit: str = "auto") -> tuple[np.ndarray, np.ndarray]:
    """Read times.

    Args:
        column: [n] strings, numbers or timestamps.
        unit: of numbers: `auto`, or one of `s`, `ms`, `us`, `ns`.

    Returns:
        times: [n] int64, microseconds since 1970 (or a mere order, see `units`).
        units: [n] int8, places in UNITS; -1 where the time cannot be read.
    """
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        return _of_dates(column)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        numbers = _numbers(column)
        if numbers is None:
            return _of_texts(column, unit)
        column = numbers
    if pa.types.is_integer(column.type):
        column = column.cast(pa.int64(), safe=False)
    if column.null_count:
        return _with_gaps(column, unit)
    return _of_numbers(column.to_numpy(zero_copy_only=False), unit)


def date_in_us(text: str) -> int | None:
    """Microseconds since 1970 of an ISO date, UTC where it names no zone; None where it is none."""
    times, units = _of_iso(pa.array([text]))
    return int(times[0]) if units[0] == DATE else None


def _numbers(column: pa.Array) -> pa.Array | None:
    """The column as int64 or float64; None where some are no numbers."""
    if len(column) and "-" in (column[0].as_py() or "")[1:]:
        return None  # a date: casts try all values, and a failure costs far more than a number
    if pc.any(pc.match_substring(column, "x", ignore_case=True)).as_py():
        return None  # a cast takes 0x10 for 16
    for kind in (pa.int64(), pa.float64()):
        try:
            return column.cast(kind)
        except pa.ArrowInvalid:
            continue
    return None


def _of_numbers(values: np.ndarray, unit: str) -> tuple[np.ndarray, np.ndarray]:
    if unit == "auto":
        units = np.searchsorted(LIMITS, np.abs(values), side="right").astype(np.int8)
    else:
        units = np.full(len(values), UNITS.index(unit), np.int8)
    is_readable = np.isfinite(values) & (values >= 0)
    is_readable &= values.astype(np.float64) * np.take(MICROSECONDS, units) < LARGEST
    units[~is_readable] = -1
    if len(units) and units.min() == units.max() >= 0:
        return _scaled(values, int(units[0])), units
    times = np.zeros(len(values), np.int64)
    for place in range(DATE):
        is_unit = units == place
        times[is_unit] = _scaled(values[is_unit], place)
    return times, units


def _scaled(values: np.ndarray, place: int) -> np.ndarray:
    factor = MICROSECONDS[place]
    if values.dtype == np.int64:
        if factor >= 1:
            return values * np.int64(factor)
        return values // np.int64(1 / factor)
    return np.rint(values * factor).astype(np.int64)


def _with_gaps(column: pa.Array, unit: str) -> tuple[np.ndarray, np.ndarray]:
    is_null = column.is_null().to_numpy(zero_copy_only=False)
    times, units = _of_numbers(column.fill_null(0).to_numpy(zero_copy_only=False), unit)
    units[is_null] = -1
    return times, units


def _of_texts(column: pa.Array, unit: str) -> tuple[np.ndarray, np.ndarray]:
    """Numbers among dates or what cannot be read: each by itself."""
    times, units = _of_iso(column)
    for row in np.flatnonzero(units < 0):
        text = column[row].as_py() or ""
        try:
            value = np.array([float(text)])
        except ValueError:
            continue
        if "_" in text:  # which Python would ignore
            continue
        times[row : row + 1], units[row : row + 1] = _of_numbers(value, unit)
    return times, units


def _of_iso(column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Dates; whole columns at once, row by row where one cannot be read."""
    texts = _iso_texts(pc.utf8_trim_whitespace(column))
    for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
        try:
            return _of_dates(texts.cast(kind))
        except pa.ArrowInvalid:
            continue
    if len(texts) > 1:
        half = len(texts) // 2
        parts = [_of_iso(texts[:half]), _of_iso(texts[half:])]
        times, units = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return times, units
    return np.zeros(len(texts), np.int64), np.full(len(texts), -1, np.int8)


def _iso_texts(texts: pa.Array) -> pa.Array:
    """`Fri Aug 25 13:55:02 -0700 2017` becomes `2017-08-25T13:55:02-0700`."""
    if not pc.any(pc.match_substring_regex(texts, LONG_DATE)).as_py():
        return texts
    texts = pc.replace_substring_regex(texts, LONG_DATE, r"\5-\1-\2T\3\4")
    for number, month in enumerate(MONTHS, start=1):
        texts = pc.replace_substring(texts, f"-{month}-", f"-{number:02d}-")
    return texts


def _of_dates(column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    is_null = column.is_null().to_numpy(zero_copy_only=False)
    stamps = column.cast(pa.timestamp("us")) if pa.types.is_date(column.type) else column
    if stamps.type.tz is not None:
        stamps = stamps.cast(pa.timestamp(stamps.type.unit, "UTC"))
    times = pc.fill_null(stamps.cast(pa.timestamp("us", stamps.type.tz), safe=False), 0)
    units = np.full(len(column), DATE, np.int8)
    units[is_null] = -1
    return times.cast(pa.int64()).to_numpy(zero_copy_only=False), units
