"""Training examples: each user's newest items, every one of them once the target with the others as input."""

from dataclasses import dataclass

import numpy as np
import torch

from microrank.nfm.histories import Histories
from microrank.nfm.loss import Batch


@dataclass(frozen=True)
class Chunks:
    """The training chunks and what is drawn from them.

    items: [n_users, length] item_index, padded with 0 on the left. examples: [n_examples, 2] (row, slot of the target).
    share: [n_items + 1] each item's share p of the chunks' items.
    """

    items: np.ndarray
    examples: np.ndarray
    share: np.ndarray

    @classmethod
    def of(cls, histories: Histories, n_items: int, length: int) -> "Chunks":
        """Chunks of the newest `length` items; a user with one item has nothing to predict it from, and gives no example."""
        items = histories.newest(np.arange(len(histories.users)), length)
        counts = np.bincount(items[items > 0], minlength=n_items + 1)
        usable = (items > 0) & ((items > 0).sum(axis=1, keepdims=True) > 1)
        return cls(items, np.argwhere(usable), counts / max(counts.sum(), 1))

    def batch(self, chosen: np.ndarray, drawn: np.ndarray, whole_slots: bool, dropped: np.ndarray | None = None) -> Batch:
        """The batch of examples `chosen` (indices): their targets (or all their slots) and the items `drawn` are the candidates.

        dropped: [len(chosen), length] inputs to leave out of the history, or None.
        """
        rows, slots = self.examples[chosen].T
        chunk = self.items[rows]
        target = chunk[np.arange(len(chosen)), slots]
        history = chunk.copy()
        history[np.arange(len(chosen)), slots] = 0
        if dropped is not None:
            history[dropped] = 0
        candidates, weight = np.unique(np.concatenate([chunk[chunk > 0] if whole_slots else target, drawn]), return_counts=True)
        row, _ = own = np.nonzero(np.isin(chunk, candidates))
        column = np.searchsorted(candidates, chunk[own])
        as_tensor = torch.from_numpy
        share = self.share[candidates]
        return Batch(
            as_tensor(history),
            as_tensor(candidates),
            as_tensor(weight.astype(np.float32)),
            int((chunk == 0).sum()) if whole_slots else 0,
            as_tensor(np.log(weight / share).astype(np.float32)),
            (as_tensor(row), as_tensor(column)),
            as_tensor(np.searchsorted(candidates, target)),
            len(chosen),
        )
