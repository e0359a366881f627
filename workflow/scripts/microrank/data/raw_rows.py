"""The rows of a raw file in batches: separated text, JSON lines or parquet, parsed by pyarrow."""

import json
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.json

from microrank.data.layouts import Layout
from microrank.data.line_blocks import shown
from microrank.data.number_rows import (
    DIGITS,
    HEXADECIMAL,
    NoNumbers,
    begins_with_minus,
    begins_with_zero,
    whole_number_rows,
)
from microrank.data.parquet_rows import parquet_rows
from microrank.data.problems import Problems
from microrank.data.raw_settings import FileFormat
from microrank.data.raw_source import doubled_colons, open_raw
from microrank.data.row_batch import RowBatch, plain_column
from microrank.errors import StudyError

BLOCK_BYTES = 1 << 21
INSTEAD_OF_COLONS = "\x1f"
QUOTED = ",; "  # separators of files in which a field may stand in quotation marks


class Parsing(Enum):
    """What the fields of separated text are taken for, the fastest way first."""

    WHOLE_NUMBERS = 0  # all fields of the file
    NUMBERS = 1  # the wanted ones
    TEXT_IDS = 2  # users and items are texts, the others numbers
    TEXTS = 3


def read_rows(
    path: Path,
    layout: Layout,
    file_format: FileFormat,
    problems: Problems,
    bad_rows: str,
    *,
    parsing: Parsing = Parsing.TEXTS,
) -> Iterator[RowBatch]:
    """Read the wanted columns of a file.

    Args:
        path: the file.
        layout: where it keeps what.
        file_format: its encoding.
        problems: takes the rows that have too few or too many fields.
        bad_rows: `error` or `drop`, what the settings say of these.
        parsing: what the fields of separated text are taken for.

    Raises:
        NoNumbers: a field is something else, or has a leading zero.
        StudyError: the file cannot be read.
    """
    try:
        if layout.kind == "parquet":
            yield from parquet_rows(path, layout.columns)
        elif layout.kind == "json":
            yield from _json_rows(path, layout, file_format)
        else:
            yield from _text_rows(path, layout, file_format, problems, bad_rows, parsing)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise _explained(path, file_format, error) from error


def _text_rows(  # noqa: PLR0917
    path: Path,
    layout: Layout,
    file_format: FileFormat,
    problems: Problems,
    bad_rows: str,
    parsing: Parsing,
) -> Iterator[RowBatch]:
    if parsing is Parsing.WHOLE_NUMBERS:
        yield from _whole_number_rows(path, layout, file_format)
        return
    skipped: list[int] = []

    def skip(row: pyarrow.csv.InvalidRow) -> str:
        skipped.append(row.number)
        problems.add(
            "bad_rows",
            f"rows do not have {row.expected_columns} fields",
            "they are left out"
            if bad_rows == "drop"
            else "mend them, or leave them out by `bad_rows: drop`",
            is_fatal=bad_rows == "error",
            count=1,
            examples=[f"line {row.number}: {shown(row.text or '', 40)}"],
        )
        return "skip"

    separator = layout.separator
    with open_raw(path, file_format.encoding, _watch_of(parsing, separator)) as stream:
        text = stream
        if separator == "::":
            separator = INSTEAD_OF_COLONS
            text = doubled_colons(stream, separator.encode())
        n_valid = 0
        for batch in _batches(text, layout, separator, skip, parsing):
            places = np.arange(n_valid, n_valid + len(batch))
            n_valid += len(batch)
            yield RowBatch(
                {what: batch[name] for what, name in layout.columns.items()},
                _lines(places, np.array(skipped, np.int64), 1 + layout.n_header_lines),
            )


def _watch_of(parsing: Parsing, separator: str) -> Callable[[bytes], None] | None:
    """Raises NoNumbers where the parser would take a text, such as 007 or 0x10, for a number."""
    if parsing is Parsing.TEXTS:
        return None
    # Leading zeros and signs do not matter in a time, which alone is a number beside texts.
    holds_ids = parsing is Parsing.NUMBERS
    followed_by = DIGITS + HEXADECIMAL if holds_ids else HEXADECIMAL
    before = separator.encode()

    def watch(text: bytes) -> None:
        if begins_with_zero(text, before, followed_by) or (
            holds_ids and begins_with_minus(text, before)
        ):
            raise NoNumbers

    return watch


def _whole_number_rows(path: Path, layout: Layout, file_format: FileFormat) -> Iterator[RowBatch]:
    if len(layout.separator) != 1:
        raise NoNumbers
    names = _distinct(layout.names)
    places = {what: names.index(name) for what, name in layout.columns.items()}
    with open_raw(path, file_format.encoding) as stream:
        for values, line in whole_number_rows(
            stream, layout.separator, len(names), layout.n_header_lines
        ):
            columns = {what: pa.array(values[:, place]) for what, place in places.items()}
            yield RowBatch(columns, np.arange(line, line + len(values)))


def _batches(
    stream: Any, layout: Layout, separator: str, skip: Any, parsing: Parsing
) -> Iterator[pa.RecordBatch]:
    types = {name: _type(what, parsing) for what, name in layout.columns.items()}
    if parsing is Parsing.TEXTS:
        yield from _open_csv(stream, layout, separator, skip, types)
        return
    numbers = [name for name, kind in types.items() if kind != pa.string()]
    try:
        for batch in _open_csv(stream, layout, separator, skip, types):
            if any(batch[name].null_count for name in numbers):
                raise NoNumbers
            yield batch
    except pa.ArrowInvalid:
        raise NoNumbers from None


def _type(what: str, parsing: Parsing) -> pa.DataType:
    """What the fields of a wanted column are taken for."""
    if parsing is Parsing.TEXTS or (parsing is Parsing.TEXT_IDS and what in ("user", "item")):
        return pa.string()
    return pa.float64() if what == "rating" else pa.int64()


def _open_csv(
    stream: Any, layout: Layout, separator: str, skip: Any, types: dict[str, pa.DataType]
) -> Iterator[pa.RecordBatch]:
    try:
        return iter(
            pyarrow.csv.open_csv(
                pa.PythonFile(stream.raw, mode="r"),  # it has a buffer of its own
                read_options=pyarrow.csv.ReadOptions(
                    use_threads=False,
                    block_size=BLOCK_BYTES,
                    skip_rows=layout.n_header_lines,
                    column_names=_distinct(layout.names),
                ),
                parse_options=pyarrow.csv.ParseOptions(
                    delimiter=separator,
                    quote_char='"' if separator in QUOTED else False,
                    ignore_empty_lines=False,
                    invalid_row_handler=skip,
                ),
                convert_options=pyarrow.csv.ConvertOptions(
                    include_columns=list(types), column_types=types, check_utf8=False
                ),
            )
        )
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error):
            return iter(())
        raise


def _distinct(names: tuple[str, ...]) -> list[str]:
    """The names; one that came before gets its place behind it."""
    return [
        name if name not in names[:place] else f"{name}\0{place}"
        for place, name in enumerate(names)
    ]


def _lines(places: np.ndarray, skipped: np.ndarray, first_line: int) -> np.ndarray:
    """The lines of the rows at these places among the rows that were not skipped."""
    before = np.searchsorted(skipped - first_line - np.arange(len(skipped)), places, side="right")
    return places + before + first_line


def _json_rows(path: Path, layout: Layout, file_format: FileFormat) -> Iterator[RowBatch]:
    names = list(layout.columns.values())
    schema = pa.schema([(name, _json_type(path, file_format, name)) for name in names])
    with open_raw(path, file_format.encoding) as stream:
        batches = pyarrow.json.open_json(
            pa.PythonFile(stream, mode="r"),
            read_options=pyarrow.json.ReadOptions(use_threads=False, block_size=16 * BLOCK_BYTES),
            parse_options=pyarrow.json.ParseOptions(
                explicit_schema=schema, unexpected_field_behavior="ignore"
            ),
        )
        yield from _numbered(batches, layout)


def _json_type(path: Path, file_format: FileFormat, name: str) -> pa.DataType:
    """The type of a field: that of the first object."""
    with open_raw(path, file_format.encoding) as stream:
        value = json.loads(stream.readline()).get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return pa.string()
    return pa.float64() if isinstance(value, float) else pa.int64()


def _numbered(batches: Any, layout: Layout) -> Iterator[RowBatch]:
    n_rows = 0
    for batch in batches:
        lines = np.arange(n_rows, n_rows + len(batch)) + 1
        n_rows += len(batch)
        columns = {what: plain_column(batch[name]) for what, name in layout.columns.items()}
        yield RowBatch(columns, lines)


def _explained(path: Path, file_format: FileFormat, error: Exception) -> StudyError:
    reason = str(error).splitlines()[0]
    if "straddling" in reason or "larger than block size" in reason:
        return StudyError(
            f"{path}: line {_long_line(path, file_format)}: longer than {BLOCK_BYTES} bytes; is "
            "the file what it should be?"
        )
    return StudyError(f"{path}: cannot be parsed ({reason})")


def _long_line(path: Path, file_format: FileFormat) -> int:
    """The number of the first line that is too long to be parsed."""
    with open_raw(path, file_format.encoding) as stream:
        lengths = enumerate(map(len, stream), start=1)
        return next((line for line, length in lengths if length > BLOCK_BYTES), 0)
