"""How often each item occurs, added up portion by portion."""

import numpy as np

SMALL_ID = (
    1 << 22
)  # ids below it are counted in an array of that many numbers, which is far faster than sorting them


class ItemCounts:
    """Counts of items."""

    def __init__(self) -> None:
        self._small = np.zeros(0, np.int64)
        self._large, self._large_counts = np.zeros(0, np.int64), np.zeros(0, np.int64)

    def add(self, items: np.ndarray) -> None:
        """Count items: [n] int64."""
        if len(items) and items.max() >= SMALL_ID:
            self._add_large(items[items >= SMALL_ID])
            items = items[items < SMALL_ID]
        counts = np.bincount(items, minlength=len(self._small))
        counts[: len(self._small)] += self._small
        self._small = counts

    def _add_large(self, items: np.ndarray) -> None:
        distinct, counts = np.unique(items, return_counts=True)
        self._large, index = np.unique(np.concatenate([self._large, distinct]), return_inverse=True)
        self._large_counts = np.bincount(
            index, np.concatenate([self._large_counts, counts])
        ).astype(np.int64)

    def items(self) -> np.ndarray:
        """[n_items] int64: those that occurred, ascending."""
        return np.concatenate([np.flatnonzero(self._small), self._large])

    def of(self, items: np.ndarray) -> np.ndarray:
        """[n] int64: the count of each of `items`, 0 for those that never occurred."""
        counts = np.zeros(len(items), np.int64)
        small = items < len(self._small)
        counts[small] = self._small[items[small]]
        if len(self._large):
            index = np.minimum(np.searchsorted(self._large, items), len(self._large) - 1)
            counts += np.where(self._large[index] == items, self._large_counts[index], 0)
        return counts
