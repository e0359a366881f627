"""Shards: the runs of users that a wide rule is cut into, and the table made from their tables."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from microrank import tables
from microrank.files import replacing

# As `tables.write_table` leaves it to pyarrow, so that the same rows give the same bytes.
ROW_GROUP = 1 << 20


@dataclass(frozen=True)
class Shard:
    """One of `count` runs of rows that together are all rows, in order; by default all of them.

    Attributes:
        index: from 0.
        count: how many shards there are.
    """

    index: int = 0
    count: int = 1

    def of(self, n_rows: int) -> slice:
        """The shard's rows of `n_rows`; none where there are fewer rows than shards."""
        return slice(n_rows * self.index // self.count, n_rows * (self.index + 1) // self.count)

    @classmethod
    def from_json(cls, data: Sequence[int]) -> Self:
        """What `to_json` gave."""
        index, count = data
        return cls(index, count)

    def to_json(self) -> list[int]:
        """JSON data for a param of a rule: index and count."""
        return [self.index, self.count]


def gather_shards(
    shards: Sequence[str | os.PathLike[str]], path: str | os.PathLike[str], schema: pa.Schema
) -> int:
    """Write the shards' rows, one shard after the other, as one table.

    One shard at a time is in memory.

    Args:
        shards: the paths of their tables, in order.
        path: where the whole table goes.
        schema: of every table.

    Returns:
        The number of rows.

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
                # combined, since pages end where chunks do
                writer.write_table(waiting.slice(0, ROW_GROUP).combine_chunks())
                waiting = waiting.slice(ROW_GROUP)
        writer.write_table(waiting.combine_chunks())
    return rows
