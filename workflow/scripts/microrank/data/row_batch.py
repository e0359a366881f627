"""Rows of a raw file, as all of its readers give them."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True)
class RowBatch:
    """Rows of a file.

    Attributes:
        columns: what was wanted (`user`, `item`, …) -> [n].
        lines: [n] int64, where the rows stand in the file, from 1.
    """

    columns: dict[str, pa.Array]
    lines: np.ndarray

    def where(self, is_kept: np.ndarray) -> "RowBatch":
        """Without the rows [n] that are not kept."""
        if is_kept.all():
            return self
        kept = pa.array(is_kept)
        columns = {what: column.filter(kept) for what, column in self.columns.items()}
        return RowBatch(columns, self.lines[is_kept])

    def without_blanks(self) -> "RowBatch":
        """Without rows all of whose wanted fields are empty, as in a blank line."""
        if not all(pa.types.is_string(column.type) for column in self.columns.values()):
            return self
        is_blank = np.ones(len(self.lines), bool)
        for column in self.columns.values():
            is_blank &= pc.equal(pc.fill_null(column, ""), "").to_numpy(zero_copy_only=False)
        return self.where(~is_blank)


def plain_column(column: pa.Array) -> pa.Array:
    """Dictionaries and large strings as plain ones."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type):
        column = column.cast(pa.string())
    return column
