"""The rows of a parquet file: one a row, or many in a column of lists, as lenskit writes them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from microrank.data.row_batch import RowBatch, plain_column
from microrank.errors import StudyError

PARQUET = b"PAR1"
BATCH_ROWS = 1 << 16
BATCH_LISTS = 1 << 10


def is_parquet(path: Path) -> bool:
    """Whether the file begins as parquet files do."""
    try:
        with open(path, "rb") as file:
            return file.read(len(PARQUET)) == PARQUET
    except OSError:
        return False


def parquet_names(path: Path) -> list[str]:
    """The names of a parquet file's columns.

    Raises:
        StudyError: the file is damaged.
    """
    return list(_schema(path).names)


def names_in_lists(path: Path) -> list[str]:
    """The names of the fields in a parquet file's columns of lists.

    Raises:
        StudyError: the file is damaged.
    """
    return [name for field in _schema(path) for name in _names_in(field)]


def parquet_rows(path: Path, wanted: Mapping[str, str]) -> Iterator[RowBatch]:
    """Read columns of a parquet file.

    Args:
        path: the file.
        wanted: what is wanted (`user`, `item`, …) -> name of its column, or of a field in a column
            of lists: then each field of a list is a row, and has the line of its list.

    Raises:
        StudyError: the file is damaged.
    """
    try:
        with pq.ParquetFile(path) as file:
            outer = set(wanted.values()) & set(file.schema_arrow.names)
            inner = set(wanted.values()) - outer
            lists = [field.name for field in file.schema_arrow if inner & {*_names_in(field)}]
            n_rows = 0
            for batch in file.iter_batches(
                BATCH_LISTS if lists else BATCH_ROWS, columns=[*outer, *lists[:1]]
            ):
                yield _rows_of(batch, wanted, lists[0] if lists else None, n_rows + 1)
                n_rows += len(batch)
    except OSError as error:
        raise StudyError(
            f"{path}: not a complete parquet file ({error}); fetch it again"
        ) from error


def _rows_of(
    batch: pa.RecordBatch, wanted: Mapping[str, str], lists: str | None, line: int
) -> RowBatch:
    """The rows of a batch whose first row has this line."""
    if lists is None:
        columns = {what: plain_column(batch[name]) for what, name in wanted.items()}
        return RowBatch(columns, np.arange(line, line + len(batch)))
    rows, inner = pc.list_parent_indices(batch[lists]), pc.list_flatten(batch[lists])
    in_lists = _names_in(batch.schema.field(lists))
    columns = {
        what: pc.struct_field(inner, name) if name in in_lists else batch[name].take(rows)
        for what, name in wanted.items()
    }
    lines = rows.to_numpy(zero_copy_only=False) + line
    return RowBatch({what: plain_column(column) for what, column in columns.items()}, lines)


def _names_in(field: pa.Field) -> list[str]:
    if not (pa.types.is_list(field.type) or pa.types.is_large_list(field.type)):
        return []
    values = field.type.value_type
    return [inner.name for inner in values] if pa.types.is_struct(values) else []


def _schema(path: Path) -> pa.Schema:
    try:
        return pq.read_schema(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise StudyError(
            f"{path}: damaged, not a complete parquet file ({error}); fetch it again"
        ) from error
