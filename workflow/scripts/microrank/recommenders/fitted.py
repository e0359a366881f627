"""What every recommender is given, and what it gives back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
from scipy import sparse

from microrank.nfm.histories import Histories, gather_histories
from microrank.tables import Batches

# Scores of every item for the users at these places of the histories: [len(users), n_items + 1],
# by item_index. Column 0 is padding and means nothing.
Scores = Callable[[np.ndarray], np.ndarray]
# How good scores are on valid: a number that is larger for better.
Judge = Callable[[Scores], float]


@dataclass(frozen=True)
class Interactions:
    """What a recommender is fitted to.

    Attributes:
        histories: what each user has seen, oldest first.
        items: table ITEMS, and further columns of the catalogue.
    """

    histories: Histories
    items: pa.Table

    @classmethod
    def of(cls, past: Sequence[Batches], items: pa.Table) -> "Interactions":
        """Gather the splits `past`, oldest first, tables SPLIT."""
        return cls(gather_histories(past, items), items)

    @property
    def n_items(self) -> int:
        """The size of the catalogue."""
        return len(self.items)

    @property
    def counts(self) -> np.ndarray:
        """How often each item was taken, by item_index: [n_items + 1]."""
        return np.bincount(self.histories.items, minlength=self.n_items + 1)

    def matrix(self, decay: float = 0.0) -> sparse.csr_array:
        """Users × item_index; an item n steps before a user's newest weighs e^(−decay·n)."""
        starts, items = self.histories.starts, self.histories.items
        ages = np.repeat(starts[1:], np.diff(starts)) - np.arange(len(items)) - 1
        weights = np.exp(-decay * ages).astype(np.float32)
        shape = (len(starts) - 1, self.n_items + 1)
        return sparse.csr_array((weights, items, starts), shape=shape)


class Fitted(NamedTuple):
    """A fitted recommender.

    Attributes:
        scores: of the users that it was fitted to.
        curve: quality on valid after each epoch of a training that was judged; else empty.
    """

    scores: Scores
    curve: tuple[float, ...] = ()


class Fit(Protocol):
    """What a module's function `fit` is called with."""

    def __call__(
        self, data: Interactions, setting: dict[str, Any], seed: int, judge: Judge | None = None
    ) -> Fitted:
        """Fit a recommender.

        Args:
            data: what it may know.
            setting: one of those that are tried.
            seed: of the study.
            judge: asked after each epoch where a recommender trains by epochs; None: it is not.
        """
