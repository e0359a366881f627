"""What the parts of a fusion say of every candidate."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from microrank.errors import StudyError


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


def standardised(values: np.ndarray, users: np.ndarray) -> np.ndarray:
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


def user_indices(subset: pa.Table) -> np.ndarray:
    return subset["candidates"].combine_chunks().value_parent_indices().to_numpy()


def part_of(table: pa.Table, subset: pa.Table) -> Part:
    rows = candidate_rows(table, subset)
    ranks = table["rank"].to_numpy()[rows].astype(np.float64)
    scores = table["score"].to_numpy()[rows].astype(np.float64)  # null: NaN
    users = user_indices(subset)
    strengths = np.where(np.bincount(users, np.isnan(scores))[users] > 0, -ranks, scores)
    named = (
        table["source"].to_numpy()[rows] == "model"
        if "source" in table.column_names
        else np.ones(len(rows), bool)
    )
    return Part(ranks, strengths, named)


def candidate_rows(table: pa.Table, subset: pa.Table) -> np.ndarray:
    """The row of `table` that is about each candidate of each user of `subset`: [n]."""
    candidates = subset["candidates"].combine_chunks().flatten().to_numpy()
    owners = subset["user_id"].to_numpy()[user_indices(subset)]
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
