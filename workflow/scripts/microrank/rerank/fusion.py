"""Fusion of several orders of the same candidates.

A fusion has one number. It is chosen on users and targets that the test never sees.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from microrank.errors import StudyError
from microrank.evaluation.ndcg import ndcg
from microrank.methods import BEST, LEARNED
from microrank.rerank.fusion_choice import CurvePoint, FusionChoice
from microrank.rerank.learned import (
    PENALTIES,
    features_of,
    fit_weights,
    tried_penalties,
    truth_places,
)
from microrank.rerank.parts import Part, candidate_rows, part_of, standardised, user_indices
from microrank.rerank.scored import rankings_by_score

CUTOFF = 10  # of the NDCG that decides
GRIDS: Mapping[str, Sequence[float]] = {  # of equally good values the first is taken
    "reciprocal": (60, 1, 2, 5, 10, 20, 40, 100, 200),
    "z-score": tuple(round(1 - step / 20, 2) for step in range(21)),
}


class Fused(NamedTuple):
    """A fusion's order, table RANKINGS, and how its number was chosen."""

    rankings: pa.Table
    choice: FusionChoice


Score = Callable[[Sequence[Part], float, np.ndarray], np.ndarray]


def fuse_rankings(
    fusion: str,
    subset: pa.Table,
    parts: Sequence[pa.Table],
    tuning: pa.Table,
    tuning_parts: Sequence[pa.Table],
    *,
    of: Sequence[str] = (),
) -> Fused:
    """Fuse the orders `parts` of `subset`, with the number that gives `tuning` the best NDCG@10.

    `reciprocal` sums 1 / (k + rank) over the parts; k is chosen (Cormack, Clarke & Büttcher,
    Reciprocal rank fusion, SIGIR 2009).

    `z-score` is α·z(first) + (1 − α)·z(second), where z = (x − mean) / standard deviation within
    the user's candidates, and 0 where these are all equal. x is the score where a method has one
    for each of them, else the negated rank (of a language model, of a shuffle). α is chosen, from 1
    (the first part alone) downwards.

    `best` is the order of one part; which one is chosen.

    `learned` is Σ w·z over the parts, with weights w of a conditional logit fitted to the tuning
    users (`rerank.learned`). Its penalty is chosen, by cross-validation among them.

    The number is applied to `subset` as it is, although lists and scores may come from another
    model there (NFM is trained again for the test). A candidate is `fallback` where every part that
    is a re-ranker says so. Ties keep the recommender's order.

    Args:
        fusion: `reciprocal`, `z-score`, `best` or `learned`.
        subset: Table SUBSET; its ground truth is not looked at.
        parts: Tables RANKINGS or, for the recommender, RECOMMENDATIONS.
        tuning: Table SUBSET, without a user of `subset`.
        tuning_parts: As `parts`, in the same order, of the tuning users.
        of: Names of the parts, for the choice's record.

    Raises:
        StudyError: The subsets share users, or a part lacks candidates.
    """
    if np.isin(subset["user_id"].to_numpy(), tuning["user_id"].to_numpy()).any():
        raise StudyError(
            "tuning/users.parquet and subset/users.parquet share users; "
            "delete tuning/users.parquet and run again"
        )
    choice = choose_fusion(fusion, tuning, tuning_parts, of)
    used = [parts[int(choice.chosen)]] if fusion == BEST else parts
    return Fused(fuse(choice, subset, used), choice)


def choose_fusion(
    fusion: str, tuning: pa.Table, tuning_parts: Sequence[pa.Table], of: Sequence[str] = ()
) -> FusionChoice:
    """Choose a fusion's number: the one that gives the tuning users the best NDCG@10.

    Args:
        fusion: As in `fuse_rankings`.
        tuning: Table SUBSET.
        tuning_parts: As in `fuse_rankings`.
        of: Names of the parts.
    """
    parts, users = [part_of(table, tuning) for table in tuning_parts], user_indices(tuning)
    features = features_of(parts, users) if fusion == LEARNED else np.empty(0)
    curve = (
        _learned_curve(features, tuning)
        if fusion == LEARNED
        else _curve(fusion, parts, users, tuning)
    )
    chosen = max(curve, key=lambda point: point.mean).value
    points = tuple(sorted(curve, key=lambda point: point.value))
    choice = FusionChoice(fusion, tuple(of), chosen, len(tuning), f"ndcg@{CUTOFF}", points)
    if fusion != LEARNED:
        return choice
    weights = fit_weights(features, truth_places(tuning), chosen)
    return replace(choice, weights=tuple(round(float(weight), 9) for weight in weights))


def fuse(choice: FusionChoice, subset: pa.Table, parts: Sequence[pa.Table]) -> pa.Table:
    """Fuse the parts' orders of `subset`, with the number that was chosen: table RANKINGS.

    Args:
        choice: The fusion and its number.
        subset: Table SUBSET.
        parts: As in `fuse_rankings`, of those that the choice uses.
    """
    fused = [part_of(table, subset) for table in parts]
    users = user_indices(subset)
    scores = (
        _weighted(fused, choice.weights, users)
        if choice.fusion == LEARNED
        else SCORES[choice.fusion](fused, choice.chosen, users)
    )
    return _with_source(rankings_by_score(subset, scores), subset, _named(fused, parts))


def _curve(
    fusion: str, parts: Sequence[Part], users: np.ndarray, tuning: pa.Table
) -> list[CurvePoint]:
    """The quality that each value of the grid gives, in the grid's order."""
    score = SCORES[fusion]
    return [
        CurvePoint(value, *_mean(ndcg(_truth_ranks(tuning, score(parts, value, users)), CUTOFF)))
        for value in _grid(fusion, len(parts))
    ]


def _learned_curve(features: np.ndarray, tuning: pa.Table) -> list[CurvePoint]:
    """The quality that each penalty gives to users whom its weights were not fitted to."""
    tried = tried_penalties(features, truth_places(tuning), CUTOFF)
    return [
        CurvePoint(penalty, *_mean(values))
        for penalty, values in zip(PENALTIES, tried, strict=True)
    ]


def _grid(fusion: str, n_parts: int) -> Sequence[float]:
    """Of equally good values the first is taken."""
    return range(n_parts) if fusion == BEST else GRIDS[fusion]


def _named(parts: Sequence[Part], tables: Sequence[pa.Table]) -> np.ndarray:
    """[n] Whether any part that is a re-ranker named the candidate."""
    rerankers = [
        part.named
        for part, table in zip(parts, tables, strict=True)
        if "source" in table.column_names
    ]
    return np.any([*rerankers, np.zeros(len(parts[0].named), bool)], axis=0)


def _mean(values: np.ndarray) -> tuple[float, float]:
    """The mean of [users] and its standard error."""
    return float(values.mean()), float(values.std() / np.sqrt(len(values)))


def _reciprocal(parts: Sequence[Part], k: float, users: np.ndarray) -> np.ndarray:
    return np.sum([1 / (k + part.ranks) for part in parts], axis=0)


def _z_score(parts: Sequence[Part], alpha: float, users: np.ndarray) -> np.ndarray:
    first, second = (standardised(part.strengths, users) for part in parts)
    return alpha * first + (1 - alpha) * second


def _best(parts: Sequence[Part], index: float, users: np.ndarray) -> np.ndarray:
    """The order of one part; once it is chosen, it is the only one."""
    return -parts[int(index) if len(parts) > 1 else 0].ranks


def _weighted(parts: Sequence[Part], weights: Sequence[float], users: np.ndarray) -> np.ndarray:
    return (features_of(parts, users) @ np.array(weights)).ravel()


SCORES: Mapping[str, Score] = {"reciprocal": _reciprocal, "z-score": _z_score, BEST: _best}


def _truth_ranks(subset: pa.Table, scores: np.ndarray) -> np.ndarray:
    """[n_users] Rank of the held-out item by `scores`; 0 where the list lacks it."""
    users = user_indices(subset)
    ranked = rankings_by_score(subset, scores)
    hit = np.flatnonzero(ranked["item_id"].to_numpy() == subset["ground_truth"].to_numpy()[users])
    ranks = np.zeros(len(subset), np.int64)
    ranks[users[hit]] = ranked["rank"].to_numpy()[hit]
    return ranks


def _with_source(rankings: pa.Table, subset: pa.Table, named: np.ndarray) -> pa.Table:
    """`named`: [n], in the order of `candidates`."""
    return rankings.set_column(
        rankings.schema.get_field_index("source"),
        "source",
        pa.array(np.where(_in_order_of(rankings, subset, named), "model", "fallback")),
    )


def _in_order_of(rankings: pa.Table, subset: pa.Table, values: np.ndarray) -> np.ndarray:
    moved = np.empty(len(values), values.dtype)
    moved[candidate_rows(rankings, subset)] = values
    return moved
