"""Fusion of several orders of the same candidates, its one number chosen on users and targets that the test never sees."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from microrank.errors import StudyError
from microrank.evaluation.ndcg import ndcg
from microrank.rerank.scored import rankings_by_score

CUTOFF = 10  # of the NDCG that decides
GRIDS: Mapping[str, Sequence[float]] = {  # of equally good values the first is taken
    "reciprocal": (60, 1, 2, 5, 10, 20, 40, 100, 200),
    "z-score": tuple(round(1 - step / 20, 2) for step in range(21)),
}


class Fused(NamedTuple):
    """rankings: table RANKINGS. chosen: the number and how it was chosen, for the report (`curve`: number, mean NDCG, standard error)."""

    rankings: pa.Table
    chosen: dict[str, object]


class Part(NamedTuple):
    """What one method says of every candidate of a subset, users one after the other, in the order of `candidates`: all [n].

    strengths: the method's scores for users all of whose candidates have one, the negated ranks for others.
    """

    ranks: np.ndarray
    strengths: np.ndarray
    named: np.ndarray


def fuse_rankings(
    fusion: str,
    subset: pa.Table,
    parts: Sequence[pa.Table],
    tuning: pa.Table,
    tuning_parts: Sequence[pa.Table],
) -> Fused:
    """Fuse the orders `parts` of `subset`, with the number that gives `tuning` the best mean NDCG@10.

    `reciprocal`: Σ 1 / (k + rank), Cormack, Clarke & Büttcher, Reciprocal rank fusion, SIGIR 2009; k is chosen.
    `z-score`: α·z(first) + (1 − α)·z(second), z = (x − mean) / standard deviation within the user's candidates, 0 where they are all equal;
    x is the score where a method has one for each of them, else the negated rank (of a language model, of a shuffle). α is chosen, from 1
    (the first alone) downwards.

    The number is taken over to `subset` as it is, although lists and scores may be another model's there (NFM trained anew for the test).

    A candidate is `fallback` where every part that is a re-ranker says so. Ties keep the recommender's order.

    Args:
        subset, tuning: tables SUBSET, without a common user; the ground truth of `subset` is not looked at.
        parts, tuning_parts: in the same order, tables RANKINGS or, for the recommender, RECOMMENDATIONS.

    Raises:
        StudyError: the subsets share users, or a part lacks candidates.
    """
    if np.isin(subset["user_id"].to_numpy(), tuning["user_id"].to_numpy()).any():
        raise StudyError(
            "tuning/users.parquet and subset/users.parquet share users; delete tuning/users.parquet and run again"
        )
    score = _reciprocal if fusion == "reciprocal" else _z_score
    tuned = [_part(table, tuning) for table in tuning_parts]
    curve = [
        (value, *_mean(ndcg(_truth_ranks(tuning, score(tuned, value, _users(tuning))), CUTOFF)))
        for value in GRIDS[fusion]
    ]
    best = max(curve, key=lambda point: point[1])[0]
    fused = [_part(table, subset) for table in parts]
    rankings = rankings_by_score(subset, score(fused, best, _users(subset)))
    named = np.any(
        [
            part.named
            for part, table in zip(fused, parts, strict=True)
            if "source" in table.column_names
        ],
        axis=0,
    )
    return Fused(
        _with_source(rankings, subset, named),
        {
            "fusion": fusion,
            "chosen": best,
            "tuning_users": len(tuning),
            "metric": f"ndcg@{CUTOFF}",
            "curve": sorted(curve),
        },
    )


def _mean(values: np.ndarray) -> tuple[float, float]:
    """The mean of [users] and its standard error."""
    return float(values.mean()), float(values.std() / np.sqrt(len(values)))


def _reciprocal(parts: Sequence[Part], k: float, users: np.ndarray) -> np.ndarray:
    return np.sum([1 / (k + part.ranks) for part in parts], axis=0)


def _z_score(parts: Sequence[Part], alpha: float, users: np.ndarray) -> np.ndarray:
    first, second = (_standardised(part.strengths, users) for part in parts)
    return alpha * first + (1 - alpha) * second


def _standardised(values: np.ndarray, users: np.ndarray) -> np.ndarray:
    """Values less their user's mean, in units of its standard deviation; 0 where all of a user's are equal to float32, which scores are."""
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
            "the rankings to be fused are of another subset; delete results/{dataset}/rankings and run again"
        )
    rows = np.empty(len(candidates), np.int64)
    rows[wanted] = mine[theirs]
    return rows


def _truth_ranks(subset: pa.Table, scores: np.ndarray) -> np.ndarray:
    """Rank of each user's held-out item if candidates are ordered by `scores`; 0 where the list lacks it."""
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
