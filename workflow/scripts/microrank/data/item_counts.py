"""How often each item occurs, counted portion by portion."""

import numpy as np

# Smaller ids are counted in an array of this length, which is far faster than sorting them.
SMALL_ID = 1 << 22


class ItemCounts:
    """Counts of items."""

    def __init__(self) -> None:
        self._small = np.zeros(0, np.int64)
        self._large = np.zeros(0, np.int64)
        self._large_counts = np.zeros(0, np.int64)

    def add(self, items: np.ndarray) -> None:
        """Count items.

        Args:
            items: [n] int64.
        """
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
        """[n_items] int64: the items that occurred, ascending."""
        return np.concatenate([np.flatnonzero(self._small), self._large])

    def of(self, items: np.ndarray) -> np.ndarray:
        """Look counts up.

        Args:
            items: [n] int64.

        Returns:
            [n] int64: the count of each, 0 for one that never occurred.
        """
        counts = np.zeros(len(items), np.int64)
        is_small = items < len(self._small)
        counts[is_small] = self._small[items[is_small]]
        if len(self._large):
            index = np.minimum(np.searchsorted(self._large, items), len(self._large) - 1)
            counts += np.where(self._large[index] == items, self._large_counts[index], 0)
        return counts
