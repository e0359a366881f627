"""The parquet tables that rules hand to each other: their schemas, and how they are read and written.

Every file is checked against its schema on the way in and out, so a stage can trust what another one wrote.
"""

import os

import pyarrow as pa
import pyarrow.parquet as pq

from microrank.errors import StudyError
from microrank.files import replacing


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema([pa.field(name, kind) for name, kind in columns.items()])


SPLIT = _schema(user_id=pa.int64(), item_id=pa.int64(), position=pa.int32())
ITEMS = _schema(item_id=pa.int64(), item_index=pa.int32(), title=pa.string(), train_count=pa.int32())
RECOMMENDATIONS = _schema(user_id=pa.int64(), rank=pa.int16(), item_id=pa.int64(), score=pa.float32())
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
    ]
)
RANKINGS = _schema(user_id=pa.int64(), rank=pa.int16(), item_id=pa.int64(), source=pa.string())


def embeddings_schema(dimension: int) -> pa.Schema:
    """Schema of `embeddings/{encoder}.parquet` for vectors of `dimension` numbers."""
    return _schema(item_id=pa.int64(), embedding=pa.list_(pa.float32(), dimension))


def write_table(table: pa.Table, path: str | os.PathLike[str], schema: pa.Schema) -> None:
    """Write `table`, cast to `schema`, as parquet (zstd): whole or not at all; the same table gives the same bytes."""
    table = table.select(schema.names).cast(schema)
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def read_table(path: str | os.PathLike[str], schema: pa.Schema | None = None, columns: list[str] | None = None) -> pa.Table:
    """Read a parquet file, checked against `schema` where one is given.

    Raises:
        StudyError: the file is absent, is no complete parquet file, or has other columns than `schema`.
    """
    try:
        found = pq.read_schema(path)
        if schema is not None and not found.remove_metadata().equals(schema.remove_metadata()):
            raise StudyError(f"{path}: holds {_columns(found)} where {_columns(schema)} is expected; delete the file and run again")
        return pq.read_table(path, columns=columns)
    except FileNotFoundError:
        raise StudyError(f"{path}: no such file; run the rule that makes it") from None
    except (pa.ArrowException, OSError) as error:
        raise StudyError(f"{path}: not a complete parquet file ({error}); delete the file and run again") from error


def _columns(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name}: {field.type}" for field in schema)
