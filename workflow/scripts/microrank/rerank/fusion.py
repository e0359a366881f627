"""Fusion of several orders of the same candidates.

A fusion has one number. It is chosen on users and targets that the test never sees.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from microrank.errors import StudyError
from microrank.evaluation.ndcg import ndcg
from microrank.methods import BEST
from microrank.rerank.fusion_choice import CurvePoint, FusionChoice
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


class Part(NamedTuple):
    """What one method says of every candidate of a subset.

    Arrays are [n], users one after the other, in the order of `candidates`.

    Attributes:
        ranks: The candidate's rank, from 1.
        strengths: The method's scores for users all of whose candidates have one; for the other
            users, the negated ranks.
        named: Whether the method itself named the candidate.
    """

    ranks: np.ndarray
    strengths: np.ndarray
    named: np.ndarray


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

    The number is applied to `subset` as it is, although lists and scores may come from another
    model there (NFM is trained again for the test). A candidate is `fallback` where every part that
    is a re-ranker says so. Ties keep the recommender's order.

    Args:
        fusion: `reciprocal`, `z-score` or `best`.
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
    curve = _curve(fusion, tuning, tuning_parts)
    chosen = max(curve, key=lambda point: point.mean).value
    points = tuple(sorted(curve, key=lambda point: point.value))
    return FusionChoice(fusion, tuple(of), chosen, len(tuning), f"ndcg@{CUTOFF}", points)


def fuse(choice: FusionChoice, subset: pa.Table, parts: Sequence[pa.Table]) -> pa.Table:
    """Fuse the parts' orders of `subset`, with the number that was chosen: table RANKINGS.

    Args:
        choice: The fusion and its number.
        subset: Table SUBSET.
        parts: As in `fuse_rankings`, of those that the choice uses.
    """
    fused = [_part(table, subset) for table in parts]
    scores = SCORES[choice.fusion](fused, choice.chosen, _users(subset))
    return _with_source(rankings_by_score(subset, scores), subset, _named(fused, parts))


def _curve(fusion: str, tuning: pa.Table, tuning_parts: Sequence[pa.Table]) -> list[CurvePoint]:
    """The quality that each value of the grid gives, in the grid's order."""
    parts, users = [_part(table, tuning) for table in tuning_parts], _users(tuning)
    score = SCORES[fusion]
    return [
        CurvePoint(value, *_mean(ndcg(_truth_ranks(tuning, score(parts, value, users)), CUTOFF)))
        for value in _grid(fusion, len(parts))
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
    first, second = (_standardised(part.strengths, users) for part in parts)
    return alpha * first + (1 - alpha) * second


def _best(parts: Sequence[Part], index: float, users: np.ndarray) -> np.ndarray:
    """The order of one part; once it is chosen, it is the only one."""
    return -parts[int(index) if len(parts) > 1 else 0].ranks


SCORES: Mapping[str, Score] = {"reciprocal": _reciprocal, "z-score": _z_score, BEST: _best}


def _standardised(values: np.ndarray, users: np.ndarray) -> np.ndarray:
    """Values less their user's mean, in units of the user's standard deviation.

    They are 0 where all of a user's values are equal in float32, the type of scores.
    """
    count = np.bincount(users)
    centred = values - (np.bincount(users, values) / count)[users]
    deviation = np.sqrt(np.bincount(users, centred**2) / count)[users]
    largest = np.zeros(len(count))
    np.maximum.at(largest, users, np.abs(values))
    return np.divide(
        centred, deviation, out=np.zeros_like(centred), where=deviation > 1e-7 * largest[users]
    )


def _users(subset: pa.Table) -> np.ndarray:
    return subset["candidates"].combine_chunks().value_parent_indices().to_numpy()


def _part(table: pa.Table, subset: pa.Table) -> Part:
    rows = _rows(table, subset)
    ranks = table["rank"].to_numpy()[rows].astype(np.float64)
    scores = table["score"].to_numpy()[rows].astype(np.float64)  # null: NaN
    users = _users(subset)
    strengths = np.where(np.bincount(users, np.isnan(scores))[users] > 0, -ranks, scores)
    named = (
        table["source"].to_numpy()[rows] == "model"
        if "source" in table.column_names
        else np.ones(len(rows), bool)
    )
    return Part(ranks, strengths, named)


def _rows(table: pa.Table, subset: pa.Table) -> np.ndarray:
    """The row of `table` that is about each candidate of each user of `subset`: [n]."""
    candidates = subset["candidates"].combine_chunks().flatten().to_numpy()
    owners = subset["user_id"].to_numpy()[_users(subset)]
    mine = np.flatnonzero(np.isin(table["user_id"].to_numpy(), owners))
    user, item = table["user_id"].to_numpy()[mine], table["item_id"].to_numpy()[mine]
    theirs, wanted = np.lexsort((item, user)), np.lexsort((candidates, owners))
    same = (
        len(mine) == len(candidates)
        and (user[theirs] == owners[wanted]).all()
        and (item[theirs] == candidates[wanted]).all()
    )
    if not same:
        raise StudyError(
            "the rankings to be fused are of another subset; "
            "delete results/{dataset}/rankings and run again"
        )
    rows = np.empty(len(candidates), np.int64)
    rows[wanted] = mine[theirs]
    return rows


def _truth_ranks(subset: pa.Table, scores: np.ndarray) -> np.ndarray:
    """[n_users] Rank of the held-out item by `scores`; 0 where the list lacks it."""
    users = _users(subset)
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
    moved[_rows(rankings, subset)] = values
    return moved
