"""Training examples: each of a user's newest items is once the target, the others its input."""

from dataclasses import dataclass

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
    """

    items: np.ndarray
    examples: np.ndarray
    share: np.ndarray

    @classmethod
    def of(cls, histories: Histories, n_items: int, length: int) -> "Chunks":
        """Chunks of the newest `length` items.

        A user with one item gives no example: there is nothing to predict it from.
        """
        n_users = len(histories.users)
        items = np.zeros((n_users, length), np.int32)
        counts = np.zeros(n_items + 1, np.int64)
        examples = [np.empty((0, 2), np.int32)]
        for first in range(0, n_users, USERS_AT_ONCE):
            newest = histories.newest(np.arange(first, min(first + USERS_AT_ONCE, n_users)), length)
            items[first : first + len(newest)] = newest
            counts += np.bincount(newest[newest > 0], minlength=n_items + 1)
            usable = (newest > 0) & ((newest > 0).sum(axis=1, keepdims=True) > 1)
            examples.append((np.argwhere(usable) + np.array([first, 0])).astype(np.int32))
        return cls(items, np.concatenate(examples), counts / max(counts.sum(), 1))

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
            dropped: inputs to leave out of the history, [n, length]; None leaves out none.
        """
        rows, positions = self.examples[chosen].T
        chunk = self.items[rows].astype(np.int64)
        target = chunk[np.arange(len(chosen)), positions]
        history = chunk.copy()
        history[np.arange(len(chosen)), positions] = 0
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
            as_tensor(candidates),
            as_tensor(weight.astype(np.float32)),
            int((chunk == 0).sum()) if whole_chunks else 0,
            as_tensor(np.log(weight / share).astype(np.float32)),
            (as_tensor(row), as_tensor(column)),
            as_tensor(np.searchsorted(candidates, target)),
            len(chosen),
        )
