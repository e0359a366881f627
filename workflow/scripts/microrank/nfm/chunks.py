"""Training examples: each of a user's newest items is once the target.

Its input is what the user took before it (past only), or all other items of the chunk.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch

from microrank.nfm.histories import Histories
from microrank.nfm.loss import Batch

USERS_AT_ONCE = 1 << 16  # bounds the memory while chunks are cut


@dataclass(frozen=True)
class Chunks:
    """The training chunks and what is drawn from them.

    Attributes:
        items: item_index, padded with 0 on the left, [n_users, length], int32.
        examples: (row, position of the target), [n_examples, 2], int32.
        share: each item's share p of the chunks' items, [n_items + 1].
        past_inputs: how many items before a target are its input; None: all others of its chunk.
    """

    items: np.ndarray
    examples: np.ndarray
    share: np.ndarray
    past_inputs: int | None = None

    @classmethod
    def of(
        cls, histories: Histories, n_items: int, length: int, past_inputs: int | None = None
    ) -> "Chunks":
        """Chunks of the newest `length` items.

        An item without any input gives no example: there is nothing to predict it from. That is
        the only item of a user, and where only past items are inputs the first one of a chunk.
        """
        n_users = len(histories.users)
        items = np.zeros((n_users, length), np.int32)
        counts = np.zeros(n_items + 1, np.int64)
        examples = [np.empty((0, 2), np.int32)]
        for first in range(0, n_users, USERS_AT_ONCE):
            newest = histories.newest(np.arange(first, min(first + USERS_AT_ONCE, n_users)), length)
            items[first : first + len(newest)] = newest
            counts += np.bincount(newest[newest > 0], minlength=n_items + 1)
            examples.append(_targets(newest > 0, past_inputs) + np.array([first, 0], np.int32))
        share = counts / max(counts.sum(), 1)
        return cls(items, np.concatenate(examples), share, past_inputs)

    def of_newest_targets(self, whole_chunks: bool) -> "Chunks":
        """The same chunks, of each only the newest item as a target.

        Args:
            whole_chunks: as in `batch`; where the targets are candidates, shares are of these.
        """
        newest = self.items.shape[1] - 1
        examples = self.examples[self.examples[:, 1] == newest]
        if whole_chunks or not len(examples):
            return replace(self, examples=examples)
        counts = np.bincount(self.items[examples[:, 0], newest], minlength=len(self.share))
        return replace(self, examples=examples, share=counts / counts.sum())

    @property
    def n_inputs(self) -> int:
        """Columns of a batch's history."""
        return self.past_inputs or self.items.shape[1]

    def batch(
        self,
        chosen: np.ndarray,
        drawn: np.ndarray,
        whole_chunks: bool,
        dropped: np.ndarray | None = None,
    ) -> Batch:
        """A batch of examples.

        Args:
            chosen: indices of the examples, [n].
            drawn: item_index of further candidates, [m].
            whole_chunks: whether all items of the examples' chunks are candidates, or the targets.
            dropped: inputs to leave out of the history, [n, `n_inputs`]; None leaves out none.
        """
        rows, positions = self.examples[chosen].T
        chunk = self.items[rows].astype(np.int64)
        target = chunk[np.arange(len(chosen)), positions]
        history, distances = self._inputs(chunk, positions)
        if dropped is not None:
            history[dropped] = 0
        candidates, weight = np.unique(
            np.concatenate([chunk[chunk > 0] if whole_chunks else target, drawn]),
            return_counts=True,
        )
        row, _ = user_items = np.nonzero(np.isin(chunk, candidates))
        column = np.searchsorted(candidates, chunk[user_items])
        as_tensor = torch.from_numpy
        share = self.share[candidates]
        return Batch(
            as_tensor(history),
            as_tensor(distances),
            as_tensor(candidates),
            as_tensor(weight.astype(np.float32)),
            int((chunk == 0).sum()) if whole_chunks else 0,
            as_tensor(np.log(weight / share).astype(np.float32)),
            (as_tensor(row), as_tensor(column)),
            as_tensor(np.searchsorted(candidates, target)),
            len(chosen),
        )

    def _inputs(self, chunk: np.ndarray, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Items from which targets are predicted, and their distances: two of [n, `n_inputs`].

        Args:
            chunk: item_index of the targets' chunks, [n, length].
            positions: of the targets in their chunks, [n].
        """
        if self.past_inputs is None:
            distances = np.abs(positions[:, None] - np.arange(chunk.shape[1]))
            return np.where(distances > 0, chunk, 0), np.maximum(distances, 1)
        distances = np.tile(np.arange(self.past_inputs, 0, -1), (len(chunk), 1))
        columns = positions[:, None] - distances
        before = np.take_along_axis(chunk, np.maximum(columns, 0), axis=1)
        return np.where(columns >= 0, before, 0), distances


def _targets(is_item: np.ndarray, past_inputs: int | None) -> np.ndarray:
    """(row, position) of every item that has an input, [n_examples, 2], int32.

    Args:
        is_item: where rows, padded on the left, hold an item, [n_rows, length].
        past_inputs: as in `Chunks`.
    """
    if past_inputs is None:
        has_input = is_item & (is_item.sum(axis=1, keepdims=True) > 1)
    else:
        has_input = is_item & np.roll(is_item, 1, axis=1)
        has_input[:, 0] = False
    return np.argwhere(has_input).astype(np.int32)
