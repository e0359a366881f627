"""Ids as the user writes them, in a study whose splits are made: from texts to the tables' ids."""

import os

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from microrank import tables
from microrank.data.ids import IdSpace, trimmed
from microrank.data.text_numbers import TextNumbers


class WrittenIds:
    """The users, or the items, of the splits.

    Attributes:
        numbers: [n] int64, their ids in the tables, ascending.
    """

    def __init__(
        self, numbers: np.ndarray, texts: pa.Array | pa.ChunkedArray | None = None
    ) -> None:
        """Keep both.

        Args:
            numbers: [n] int64, ascending.
            texts: [n] string; the numbers themselves where absent.
        """
        self.numbers = numbers
        self._texts: TextNumbers | None = None
        if texts is None or pc.all(pc.equal(texts, pa.array(numbers).cast(pa.string()))).as_py():
            return
        self._texts = TextNumbers()
        for chunk in texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]:
            self._texts.add(chunk)

    @classmethod
    def of_users(cls, path: str | os.PathLike[str]) -> "WrittenIds":
        """The users of `splits/users.parquet`."""
        users = tables.read_table(path, tables.USERS)
        return cls(users["user_id"].to_numpy(), users["user"])

    @classmethod
    def of_items(cls, path: str | os.PathLike[str]) -> "WrittenIds":
        """The items of `splits/items.parquet`."""
        items = tables.read_catalogue(path)
        return cls(items["item_id"].to_numpy(), items[tables.ITEM_NAME])

    def text_of(self, number: int) -> str:
        """An id as the user wrote it."""
        if self._texts is None:
            return str(number)
        place = int(np.searchsorted(self.numbers, number))
        return str(self._texts.texts[place])

    def find(self, column: pa.Array) -> np.ndarray:
        """Look ids up.

        Args:
            column: [n] strings or numbers.

        Returns:
            [n] int64, the tables' ids; -1 for unknown ones.
        """
        if self._texts is None:
            numbers = IdSpace().find(column)
            return np.where(tables.find_ids(self.numbers, numbers) < 0, -1, numbers)
        places = self._texts.find(trimmed(column))
        return np.where(places < 0, -1, self.numbers[places])
