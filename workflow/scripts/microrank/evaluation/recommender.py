"""How good the recommender's lists are, over all users and the full catalogue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from microrank.evaluation.hit_rate import hit_rate
from microrank.evaluation.hits import find_held_out_items
from microrank.evaluation.most_popular import popularity_ranks
from microrank.evaluation.ndcg import ndcg
from microrank.evaluation.paired import mcnemar
from microrank.tables import Batches

CUTOFFS = (5, 10, 20)
COMPARED_AT = 10  # cutoff of the hit rate by which a recommender is held against popularity
SIGNIFICANCE = 0.05
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
        """Compute the quality for users with these ranks of held-out items (0: not in the list)."""
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
class PopularityComparison:
    """The recommender's lists against the same list of the most popular items for everybody.

    Attributes:
        quality: of popularity, over all users.
        cutoff: of the lists that are compared.
        wins: users whose held-out item the recommender's list holds and popularity's lacks.
        losses: the other way round.
        p_value: two-sided, of the exact McNemar test.
    """

    quality: ListQuality
    cutoff: int
    wins: int
    losses: int
    p_value: float

    @classmethod
    def of(cls, ranks: np.ndarray, popularity: np.ndarray, list_length: int) -> Self:
        """From the ranks of the held-out items in both lists (0: not in the list), [n_users]."""
        cutoff = min(COMPARED_AT, list_length)
        hit, popular_hit = hit_rate(ranks, cutoff) > 0, hit_rate(popularity, cutoff) > 0
        wins, losses = int((hit & ~popular_hit).sum()), int((popular_hit & ~hit).sum())
        quality = ListQuality.of(popularity, list_length)
        return cls(quality, cutoff, wins, losses, mcnemar(wins, losses))

    @property
    def is_beaten(self) -> bool:
        """Whether the recommender is shown to hit more often than popularity."""
        return self.wins > self.losses and self.p_value < SIGNIFICANCE

    def in_words(self) -> str:
        """One line for the log."""
        p = f"p = {self.p_value:.3f}" if self.p_value >= 0.001 else "p < 0.001"
        verdict = "beat" if self.is_beaten else "are not shown to beat"
        return (
            f"the lists {verdict} the most popular items: of the first {self.cutoff} items, "
            f"{self.wins} users' hits are theirs alone and {self.losses} popularity's ({p})"
        )

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What `to_json` gave."""
        comparison = {key: data[key] for key in ("cutoff", "wins", "losses", "p_value")}
        return cls(ListQuality.from_json(data["quality"]), **comparison)

    def to_json(self) -> dict[str, Any]:
        """As a section of `metrics.json`."""
        return {
            "quality": self.quality.to_json(),
            "cutoff": self.cutoff,
            "wins": self.wins,
            "losses": self.losses,
            "p_value": self.p_value,
            "is_beaten": self.is_beaten,
        }


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
        popularity: what the most popular items reach, and whether these lists beat it.
    """

    n_users: int
    hit_users: int
    share_never_trained: float
    ceiling: float
    all_users: ListQuality
    trained_targets: ListQuality
    popularity: PopularityComparison

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What `to_json` gave."""
        return cls(
            n_users=data["n_users"],
            hit_users=data["hit_users"],
            share_never_trained=data["share_never_trained"],
            ceiling=data["ceiling"],
            all_users=ListQuality.from_json(data["all_users"]),
            trained_targets=ListQuality.from_json(data["trained_targets"]),
            popularity=PopularityComparison.from_json(data["popularity"]),
        )

    def to_json(self) -> dict[str, Any]:
        """As `metrics.json` has it."""
        return {
            "n_users": self.n_users,
            "hit_users": self.hit_users,
            "share_never_trained": self.share_never_trained,
            "ceiling": self.ceiling,
            "all_users": self.all_users.to_json(),
            "trained_targets": self.trained_targets.to_json(),
            "popularity": self.popularity.to_json(),
        }


def evaluate_nfm(
    recommendations: Batches,
    test: Batches,
    trained_on: Sequence[Batches],
    past: Sequence[Batches],
) -> RecommenderMetrics:
    """Hit rate and NDCG of any recommender's lists, NFM's or the user's own.

    Args:
        recommendations: table RECOMMENDATIONS.
        test: table SPLIT, one held-out item a user.
        trained_on: the splits that the recommender was trained on, tables SPLIT.
        past: the splits whose items no list may hold, tables SPLIT.

    Raises:
        StudyError: there are lists of users who are not in the test split.
    """
    held_out = find_held_out_items(recommendations, test)
    trained = np.isin(held_out.items, _items_of(trained_on))
    share = 1 - float(trained.mean())
    popularity = popularity_ranks(held_out, trained_on, past)
    return RecommenderMetrics(
        n_users=len(held_out.users),
        hit_users=int((held_out.ranks > 0).sum()),
        share_never_trained=round(share, 6),
        ceiling=round(1 - share, 6),
        all_users=ListQuality.of(held_out.ranks, held_out.list_length),
        trained_targets=ListQuality.of(held_out.ranks[trained], held_out.list_length),
        popularity=PopularityComparison.of(held_out.ranks, popularity, held_out.list_length),
    )


def _items_of(splits: Sequence[Batches]) -> np.ndarray:
    """The distinct item ids of the splits."""
    items = [
        np.unique(batch["item_id"].to_numpy()) for split in splits for batch in split.to_batches()
    ]
    return np.unique(np.concatenate([np.empty(0, np.int64), *items]))
