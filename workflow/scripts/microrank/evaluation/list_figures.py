"""What lists are like, over all users: hits with intervals, and what they show of the catalogue."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from microrank.evaluation.hit_rate import hit_rate
from microrank.evaluation.intervals import wilson_interval
from microrank.evaluation.ndcg import ndcg
from microrank.evaluation.paired import percentile_interval, resampled_means
from microrank.evaluation.recommender import CUTOFFS
from microrank.tables import Batches


class Interval(NamedTuple):
    """A figure and the ends of its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ListFigures:
    """What the lists of one recommender are like.

    Attributes:
        figures: `HR@N` and `NDCG@N`.
        hits: Users whose list holds the held-out item.
        coverage: Share of the catalogue that somebody's list holds.
        novelty: Mean self-information of the listed items, in bits.
        gini: Of how often the catalogue's items are listed: 0 all alike, 1 one item alone.
    """

    figures: dict[str, Interval]
    hits: int
    coverage: float
    novelty: float
    gini: float

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "ListFigures":
        """What `to_json` gave."""
        figures = {name: Interval(*figure) for name, figure in data["figures"].items()}
        return cls(**{**data, "figures": figures})

    def to_json(self) -> dict[str, Any]:
        """JSON data."""
        return asdict(self)


def list_figures(
    ranks: np.ndarray,
    listed: np.ndarray,
    taken: np.ndarray,
    *,
    n_users: int,
    k: int,
    confidence: float,
    samples: int,
    random: np.random.Generator,
) -> ListFigures:
    """Measure the lists of one recommender.

    Self-information of an item that m of n users took is −log₂(m/n) (Castells, Hurley and Vargas,
    Novelty and diversity in recommender systems, 2022); one that nobody took counts as taken once.

    Args:
        ranks: [n], rank of each user's held-out item; 0: not in the list.
        listed: [n_items], how many lists hold each item of the catalogue.
        taken: [n_items], how many users took it before.
        n_users: All users who took something.
        k: Length of the lists.
        confidence: Of the intervals: Wilson's of hit rates, the bootstrap's of NDCG.
        samples: Resamples of users.
        random: Draws them.
    """
    cutoffs = [cutoff for cutoff in CUTOFFS if cutoff <= k] or [k]
    information = -np.log2(np.maximum(taken, 1) / n_users)
    values = np.stack([ndcg(np.arange(k + 1), cutoff) for cutoff in cutoffs], axis=1)
    histogram = np.bincount(ranks, minlength=k + 1)
    resampled = resampled_means(values, histogram, samples, random)
    gains = histogram @ values / len(ranks), *percentile_interval(resampled, confidence)
    return ListFigures(
        figures=_rates(ranks, cutoffs, confidence) | _gains(cutoffs, *gains),
        hits=int((ranks > 0).sum()),
        coverage=float((listed > 0).mean()),
        novelty=float(listed @ information / listed.sum()),
        gini=gini(listed),
    )


def _rates(ranks: np.ndarray, cutoffs: Sequence[int], confidence: float) -> dict[str, Interval]:
    hits = {cutoff: int(hit_rate(ranks, cutoff).sum()) for cutoff in cutoffs}
    return {
        f"HR@{cutoff}": Interval(n / len(ranks), *wilson_interval(n, len(ranks), confidence))
        for cutoff, n in hits.items()
    }


def _gains(
    cutoffs: Sequence[int], means: np.ndarray, low: np.ndarray, high: np.ndarray
) -> dict[str, Interval]:
    ends = zip(cutoffs, means, low, high, strict=True)
    return {f"NDCG@{cutoff}": Interval(*map(float, figure)) for cutoff, *figure in ends}


def gini(listed: np.ndarray) -> float:
    """Compute the Gini index of how often items are listed.

    Σ (2i − n − 1)·x_i / ((n − 1)·Σ x) over the items in ascending order of x (Castells, Hurley and
    Vargas 2022).

    Args:
        listed: [n], at least two, not all 0.
    """
    ascending, n = np.sort(listed).astype(np.float64), len(listed)
    places = 2 * np.arange(1, n + 1) - n - 1
    return float(places @ ascending / ((n - 1) * ascending.sum()))


def count_listed(recommendations: Batches, item_ids: np.ndarray) -> np.ndarray:
    """Count the lists that hold each item: [n_items].

    Args:
        recommendations: Table RECOMMENDATIONS.
        item_ids: Ascending.
    """
    listed = np.zeros(len(item_ids), np.int64)
    for batch in recommendations.to_batches():
        places = np.searchsorted(item_ids, batch["item_id"].to_numpy())
        listed += np.bincount(places, minlength=len(item_ids))
    return listed
