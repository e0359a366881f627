"""Subsets and rankings with a known right answer."""

import numpy as np
import pyarrow as pa
from microrank import tables


def made_up_subset(
    truth_ranks: np.ndarray, k: int = 20, history_length: int = 3, population: str = "hits"
) -> pa.Table:
    """Users 10, 20, …; user u's candidates are u·100 + 1…k in the recommender's order.

    A truth rank of 0 is an item outside the list.
    """
    n = len(truth_ranks)
    users = np.arange(1, n + 1) * 10
    lists = users[:, None] * 100 + np.arange(1, k + 1)
    truth = np.where(truth_ranks > 0, users * 100 + truth_ranks, users * 100)
    return pa.table(
        {
            "user_id": users,
            "ground_truth": truth,
            "ground_truth_rank": truth_ranks,
            "history": [
                [int(user) * 100 + 50 + i for i in range(history_length)] for user in users
            ],
            "candidates": list(lists),
        }
    ).cast(tables.SUBSET)


def as_rankings(subset: pa.Table, places: np.ndarray) -> pa.Table:
    """Table RANKINGS: the candidate at `places[u, i]` (from 0) of the list has rank i + 1."""
    n, k = places.shape
    lists = np.array(subset["candidates"].to_pylist())
    return pa.table(
        {
            "user_id": np.repeat(subset["user_id"].to_numpy(), k),
            "rank": np.tile(np.arange(1, k + 1), n),
            "item_id": np.take_along_axis(lists, places, axis=1).ravel(),
            "source": ["model"] * (n * k),
            "score": pa.nulls(n * k),
        }
    ).cast(tables.RANKINGS)


def unchanged(n: int, k: int = 20) -> np.ndarray:
    return np.tile(np.arange(k), (n, 1))


def perfect(truth_ranks: np.ndarray, k: int = 20) -> np.ndarray:
    """The held-out item first, the others in their order."""
    places = unchanged(len(truth_ranks), k)
    first = np.where(places == truth_ranks[:, None] - 1, -1, places)
    return np.argsort(first, axis=1, kind="stable")


def shuffled(n: int, random: np.random.Generator, k: int = 20) -> np.ndarray:
    return random.permuted(unchanged(n, k), axis=1)
