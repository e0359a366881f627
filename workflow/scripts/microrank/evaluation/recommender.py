"""How good the recommender's lists are, over all users and the full catalogue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from microrank.evaluation.hit_rate import hit_rate
from microrank.evaluation.hits import find_held_out_items
from microrank.evaluation.ndcg import ndcg
from microrank.tables import Batches

CUTOFFS = (5, 10, 20)
METRICS = {"HR": hit_rate, "NDCG": ndcg}


@dataclass(frozen=True)
class ListQuality:
    """Means over a group of users.

    Attributes:
        n_users: of the group.
        values: `HR@N` and `NDCG@N` for the cutoffs that the lists reach; 0 where nobody is in the
            group.
    """

    n_users: int
    values: Mapping[str, float]

    @classmethod
    def of(cls, ranks: np.ndarray, list_length: int) -> Self:
        """Of users with these ranks of their held-out items (0: not in the list)."""
        values = {
            f"{name}@{cutoff}": round(float(metric(ranks, cutoff).mean()), 6) if len(ranks) else 0.0
            for name, metric in METRICS.items()
            for cutoff in CUTOFFS
            if cutoff <= list_length
        }
        return cls(len(ranks), values)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What `to_json` gave."""
        return cls(data["n_users"], {key: data[key] for key in data if key != "n_users"})

    def to_json(self) -> dict[str, Any]:
        """As a section of `metrics.json`."""
        return {"n_users": self.n_users, **self.values}


@dataclass(frozen=True)
class RecommenderMetrics:
    """What `metrics.json` beside a recommender's lists holds.

    An item that the training data lack cannot be learnt from ids alone. So the share of users with
    such a held-out item bounds what any recommender of this kind can reach.

    Attributes:
        n_users: users who have a list.
        hit_users: those whose list holds the held-out item.
        share_never_trained: share of users whose held-out item nobody had in the training data.
        ceiling: 1 − `share_never_trained`.
        all_users: over all users who have a list.
        trained_targets: over those whose held-out item was trained on.
    """

    n_users: int
    hit_users: int
    share_never_trained: float
    ceiling: float
    all_users: ListQuality
    trained_targets: ListQuality

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What `to_json` gave."""
        groups = ("all_users", "trained_targets")
        return cls(**{**data, **{name: ListQuality.from_json(data[name]) for name in groups}})

    def to_json(self) -> dict[str, Any]:
        """As `metrics.json` has it."""
        return {
            "n_users": self.n_users,
            "hit_users": self.hit_users,
            "share_never_trained": self.share_never_trained,
            "ceiling": self.ceiling,
            "all_users": self.all_users.to_json(),
            "trained_targets": self.trained_targets.to_json(),
        }


def evaluate_nfm(
    recommendations: Batches, test: Batches, trained_on: Sequence[Batches]
) -> RecommenderMetrics:
    """Hit rate and NDCG of any recommender's lists, NFM's or the user's own.

    Args:
        recommendations: table RECOMMENDATIONS.
        test: table SPLIT, one held-out item a user.
        trained_on: the splits that the recommender was trained on, tables SPLIT.

    Raises:
        StudyError: there are lists of users who are not in the test split.
    """
    held_out = find_held_out_items(recommendations, test)
    trained = np.isin(held_out.items, _items_of(trained_on))
    share = 1 - float(trained.mean())
    return RecommenderMetrics(
        n_users=len(held_out.users),
        hit_users=int((held_out.ranks > 0).sum()),
        share_never_trained=round(share, 6),
        ceiling=round(1 - share, 6),
        all_users=ListQuality.of(held_out.ranks, held_out.list_length),
        trained_targets=ListQuality.of(held_out.ranks[trained], held_out.list_length),
    )


def _items_of(splits: Sequence[Batches]) -> np.ndarray:
    """The distinct item ids of the splits."""
    items = [
        np.unique(batch["item_id"].to_numpy()) for split in splits for batch in split.to_batches()
    ]
    return np.unique(np.concatenate([np.empty(0, np.int64), *items]))
