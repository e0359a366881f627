"""What a method gains on one recommender's lists, less what it gains on another's."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from microrank.evaluation.comparison import Difference
from microrank.evaluation.holm import holm
from microrank.evaluation.score import EXPLORATORY, PRIMARY
from microrank.evaluation.score_of_mean import (
    count_values,
    mean_equivalence_p_value,
    mean_interval,
)
from microrank.evaluation.settings import Scoring
from microrank.evaluation.sign_flip import sign_flip_p_value

# Recommender -> method -> whether each drawn user's held-out item is among the first, [n_users].
# The recommender's own order stands under "".
Hits = Mapping[str, Mapping[str, np.ndarray]]
OWN_ORDER = ""


def gain(of_recommender: Mapping[str, np.ndarray], method: str) -> np.ndarray:
    """How many hits a method gains for each user: −1, 0 or 1, [n_users]."""
    return of_recommender[method].astype(np.int64) - of_recommender[OWN_ORDER]


def differences(hits: Hits, scoring: Scoring, primary: Collection[str]) -> list[Difference]:
    """Compare each method's gains on every two recommenders' lists.

    Args:
        hits: Of the same users everywhere.
        scoring: Confidence and margin.
        primary: Methods of the primary comparison; their p-values are corrected by themselves.
    """
    methods = [method for method in next(iter(hits.values())) if method != OWN_ORDER]
    rows = [
        _difference(
            method,
            (one, other),
            hits,
            scoring,
            family=PRIMARY if method in primary else EXPLORATORY,
        )
        for method in methods
        for one, other in combinations(hits, 2)
    ]
    rows = _corrected_within_families(rows, lambda row: row.p_value, "p_holm")
    return _corrected_within_families(rows, lambda row: row.p_within, "p_within_holm")


def _difference(
    method: str, pair: tuple[str, str], hits: Hits, scoring: Scoring, *, family: str
) -> Difference:
    gains = gain(hits[pair[0]], method), gain(hits[pair[1]], method)
    changes = gains[0] - gains[1]
    counts = count_values(changes)
    low, high = mean_interval(counts, scoring.confidence)
    return Difference(
        method,
        *pair,
        (float(gains[0].mean()), float(gains[1].mean())),
        float(changes.mean()),
        low,
        high,
        sign_flip_p_value(changes),
        mean_equivalence_p_value(counts, scoring.margin),
        family,
    )


def _corrected_within_families(
    rows: list[Difference], p_of: Callable[[Difference], float], column: str
) -> list[Difference]:
    adjusted: dict[int, float] = {}
    for family in (PRIMARY, EXPLORATORY):
        places = [place for place, row in enumerate(rows) if row.family == family]
        p_holm = holm(np.array([p_of(rows[place]) for place in places], np.float64))
        adjusted |= dict(zip(places, map(float, p_holm), strict=True))
    changed: list[dict[str, Any]] = [{column: adjusted[place]} for place in range(len(rows))]
    return [replace(row, **change) for row, change in zip(rows, changed, strict=True)]
