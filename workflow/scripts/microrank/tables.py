"""The parquet tables that rules hand to each other: schemas, reading and writing.

Every file is checked against its schema on the way in and out, so that a stage can trust what
another one wrote.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from microrank.errors import StudyError
from microrank.files import replacing, unreadable


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema([pa.field(name, kind) for name, kind in columns.items()])


SPLIT = _schema(user_id=pa.int64(), item_id=pa.int64(), position=pa.int32())
ITEMS = _schema(
    item_id=pa.int64(), item_index=pa.int32(), title=pa.string(), train_count=pa.int32()
)
# `splits/items.parquet` has further columns: the item as the user wrote it, and its attributes.
ITEM_NAME = "item"
USERS = _schema(user_id=pa.int64(), user=pa.string())
RECOMMENDATIONS = _schema(
    user_id=pa.int64(), rank=pa.int16(), item_id=pa.int64(), score=pa.float32()
)
SUBSET = _schema(
    user_id=pa.int64(),
    ground_truth=pa.int64(),
    ground_truth_rank=pa.int16(),
    history=pa.list_(pa.int64()),
    candidates=pa.list_(pa.int64()),
)
RESPONSES = pa.schema(
    [
        pa.field("user_id", pa.int64()),
        pa.field("pass", pa.int16()),
        pa.field("order", pa.list_(pa.int16())),
        pa.field("request_key", pa.string()),
        pa.field("text", pa.string()),
        pa.field("finish_reason", pa.string()),
        pa.field("served_model", pa.string()),
        pa.field("prompt_tokens", pa.int64()),
        pa.field("completion_tokens", pa.int64()),
        pa.field("latency_s", pa.float64()),
        pa.field("kind", pa.string()),  # text | logprobs | scores | top
        # in the recommender's order, larger for better; null where nothing is read, or all is text
        pa.field("scores", pa.list_(pa.float32())),
        # of the same questions without a history, where the scores rest on such answers too
        pa.field("reference_keys", pa.list_(pa.string())),
        # of prompt_tokens and completion_tokens; null where the server does not say
        pa.field("cached_tokens", pa.int64()),
        pa.field("reasoning_tokens", pa.int64()),
        pa.field("in_batch", pa.bool_()),  # null counts as false
        # expected before the first question was asked; null where nobody noted it
        pa.field("expected_prompt_tokens", pa.float64()),
        pa.field("expected_completion_tokens", pa.float64()),
        pa.field("expected_cached_tokens", pa.float64()),
    ]
)
EXPECTED = ("prompt_tokens", "completion_tokens", "cached_tokens")
# Columns that older tables lack, and what they hold there.
ADDED_LATER: dict[str, str | None] = {
    "kind": "text",
    **dict.fromkeys(("scores", "reference_keys", "cached_tokens", "reasoning_tokens", "in_batch")),
    **dict.fromkeys(f"expected_{name}" for name in EXPECTED),
}
# `score` is what the method ordered by, larger for better; null where it has only an order.
RANKINGS = _schema(
    user_id=pa.int64(), rank=pa.int16(), item_id=pa.int64(), source=pa.string(), score=pa.float32()
)
# Each answer as it was read. `order`: places among the candidates, best first, of which the answer
# named the first `named`.
PASSES = pa.schema(
    [
        pa.field("user_id", pa.int64()),
        pa.field("pass", pa.int16()),
        pa.field("order", pa.list_(pa.int16())),
        pa.field("named", pa.int16()),
    ]
)
BATCH_ROWS = 1 << 18  # 6 MB of the widest of the large tables


class Batches(Protocol):
    """A table that is looked at a batch of rows at a time: a pa.Table, or a `StoredTable`."""

    schema: pa.Schema

    def to_batches(self) -> Iterable[pa.RecordBatch]:
        """The rows, in order; each call begins anew."""


def embeddings_schema(dimension: int) -> pa.Schema:
    """Schema of `embeddings/{encoder}.parquet` for vectors of `dimension` numbers."""
    return _schema(item_id=pa.int64(), embedding=pa.list_(pa.float32(), dimension))


def write_table(table: pa.Table, path: str | os.PathLike[str], schema: pa.Schema) -> None:
    """Write a table as parquet (zstd), whole or not at all; the same table gives the same bytes.

    Args:
        table: it is cast to `schema`.
        path: of the file.
        schema: one of this module's.
    """
    table = table.select(schema.names).cast(schema)
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def read_table(
    path: str | os.PathLike[str], schema: pa.Schema | None = None, columns: list[str] | None = None
) -> pa.Table:
    """Read a parquet file.

    Args:
        path: of the file.
        schema: what its columns must be; not checked where it is None.
        columns: the names of those to read; all where it is None.

    Raises:
        StudyError: the file is absent, no complete parquet file, or has other columns.
    """
    with _reading(path):
        lacking = _check_schema(path, schema)
        if schema is ITEMS and columns is None:
            columns = schema.names
        if schema is None or not lacking:
            return pq.read_table(path, columns=columns)
        table = pq.read_table(path)
        for name in lacking:
            kind = schema.field(name).type
            column = pa.array([ADDED_LATER[name]] * len(table), kind)
            table = table.append_column(pa.field(name, kind), column)
        return table.select(columns or schema.names)


def read_catalogue(path: str | os.PathLike[str]) -> pa.Table:
    """Read `splits/items.parquet` with all its columns.

    Returns:
        Table ITEMS, the column `item` (the item as the user wrote it), and one of strings for
            each attribute.

    Raises:
        StudyError: as `read_table`.
    """
    with _reading(path):
        _check_schema(path, ITEMS)
        catalogue = pq.read_table(path)
    if ITEM_NAME in catalogue.column_names:
        return catalogue
    return catalogue.append_column(ITEM_NAME, catalogue["item_id"].cast(pa.string()))


def attributes_of(catalogue: pa.Table) -> list[str]:
    """The names of the attributes of a catalogue."""
    return [name for name in catalogue.column_names if name not in (*ITEMS.names, ITEM_NAME)]


class StoredTable:
    """A parquet file whose rows need not fit into memory: each pass over its batches reads anew."""

    def __init__(self, path: str | os.PathLike[str], schema: pa.Schema) -> None:
        """Check the file against `schema`.

        Raises:
            StudyError: as `read_table`.
        """
        self.schema = schema
        self.path = path
        with _reading(path):
            _check_schema(path, schema)

    def to_batches(self) -> Iterator[pa.RecordBatch]:
        """At most BATCH_ROWS rows at a time, in order."""
        with _reading(self.path), pq.ParquetFile(self.path) as file:
            yield from file.iter_batches(BATCH_ROWS)


def users_of(past: Sequence[Batches]) -> np.ndarray:
    """All users of the tables `past`, ascending."""
    users = [
        _distinct(batch["user_id"].to_numpy()) for table in past for batch in table.to_batches()
    ]
    together = np.concatenate([np.empty(0, np.int64), *users])
    return _distinct(np.sort(together, kind="stable"))  # splits are in order: a merge


def find_ids(ids: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The place of each wanted id among `ids`.

    Args:
        ids: distinct; ascending ones are searched as they are, others are sorted first.
        wanted: of any shape.

    Returns:
        Places of the shape of `wanted`; -1 where `ids` lacks the id.
    """
    if not len(ids):
        return np.full(np.shape(wanted), -1)
    if (ids[1:] > ids[:-1]).all():
        places = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    else:
        order = np.argsort(ids)
        places = order[np.minimum(np.searchsorted(ids, wanted, sorter=order), len(ids) - 1)]
    return np.where(ids[places] == wanted, places, -1)


def rows_of(table: Batches, users: np.ndarray) -> pa.Table:
    """The rows of `table` whose user_id is among `users`, in their order."""
    batches = [
        batch.filter(pa.array(np.isin(batch["user_id"].to_numpy(), users)))
        for batch in table.to_batches()
    ]
    return pa.Table.from_batches(batches, table.schema)


def _distinct(values: np.ndarray) -> np.ndarray:
    """Without those that equal their predecessor."""
    return values[np.append(True, values[1:] != values[:-1])[: len(values)]]


@contextmanager
def _reading(path: str | os.PathLike[str]) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise StudyError(f"{path}: no such file; run the rule that makes it") from None
    except (pa.ArrowException, OSError) as error:
        # What is cut has no number: that is Arrow's own error.
        if isinstance(error, OSError) and (error.errno or os.path.isdir(path)):
            raise unreadable(path, error) from error
        raise StudyError(
            f"{path}: not a complete parquet file ({error}); delete the file and run again"
        ) from error


def _check_schema(path: str | os.PathLike[str], schema: pa.Schema | None) -> list[str]:
    """The columns of `schema` that an older file lacks; all others must be as it says."""
    if schema is None:
        return []
    stored = pq.read_schema(path)
    compared = stored
    if schema is ITEMS:  # may have further columns
        compared = pa.schema(list(stored)[: len(schema)])
    lacking = [name for name in schema.names if name in ADDED_LATER and name not in stored.names]
    expected = pa.schema([field for field in schema if field.name not in lacking])
    if not compared.remove_metadata().equals(expected.remove_metadata()):
        raise StudyError(
            f"{path}: holds {_columns(stored)} where {_columns(schema)} is expected; delete the "
            "file and run again"
        )
    return lacking


def _columns(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name}: {field.type}" for field in schema)
