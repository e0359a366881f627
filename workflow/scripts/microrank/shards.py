"""A table from its shards, which need not fit into memory together."""

import os
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from microrank import tables
from microrank.files import replacing

ROW_GROUP = (
    1 << 20
)  # as `tables.write_table` leaves it to pyarrow, so that the same rows give the same bytes


def gather_shards(
    shards: Sequence[str | os.PathLike[str]], path: str | os.PathLike[str], schema: pa.Schema
) -> int:
    """Write the shards' rows, one shard after the other, as one table; gives their number. One shard at a time is in memory.

    Raises:
        StudyError: a shard is absent, no complete parquet file, or has other columns than `schema`.
    """
    rows = 0
    with (
        replacing(path) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd") as writer,
    ):
        waiting = schema.empty_table()
        for shard in shards:
            table = tables.read_table(shard, schema).cast(schema)
            rows += len(table)
            waiting = pa.concat_tables([waiting, table])
            while len(waiting) > ROW_GROUP:
                writer.write_table(
                    waiting.slice(0, ROW_GROUP).combine_chunks()
                )  # pages end where chunks do
                waiting = waiting.slice(ROW_GROUP)
        writer.write_table(waiting.combine_chunks())
    return rows
