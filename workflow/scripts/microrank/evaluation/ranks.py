"""Where a ranking puts each user's held-out item."""

import numpy as np
import pyarrow as pa

from microrank.errors import StudyError


def ground_truth_ranks(name: str, ranking: pa.Table, subset: pa.Table) -> np.ndarray:
    """[n_users] int64, in the order of `subset`: rank of the held-out item from 1, 0 where the list lacks it.

    Args:
        name: of the method, for messages. ranking: table RANKINGS, rows in any order. subset: table SUBSET.

    Raises:
        StudyError: the ranking is not a permutation of each user's candidates: nothing could be compared then.
    """
    lists = ranked_items(name, ranking, subset)
    hit = lists == subset["ground_truth"].to_numpy()[:, None]
    return np.where(hit.any(axis=1), hit.argmax(axis=1) + 1, 0)


def ranked_items(name: str, ranking: pa.Table, subset: pa.Table) -> np.ndarray:
    """[n_users, k] int64: each user's items in the order of the ranking, checked to be a permutation of the candidates."""
    wrong = StudyError(
        f"rankings of {name}: not a permutation of each user's candidates; delete the file and run again"
    )
    candidates = candidate_lists(subset)
    row = user_rows(ranking["user_id"].to_numpy(), subset)
    place = ranking["rank"].to_numpy().astype(np.int64) - 1
    if (
        len(row) != candidates.size
        or (row < 0).any()
        or (place < 0).any()
        or (place >= candidates.shape[1]).any()
    ):
        raise wrong
    lists = np.full(candidates.shape, -1, np.int64)
    lists[row, place] = ranking["item_id"].to_numpy()
    if not np.array_equal(np.sort(lists, axis=1), np.sort(candidates, axis=1)):
        raise wrong
    return lists


def candidate_lists(subset: pa.Table) -> np.ndarray:
    """[n_users, k] int64: the recommender's lists."""
    column = subset["candidates"].combine_chunks()
    items = column.flatten().to_numpy()
    lengths = np.diff(column.offsets.to_numpy())
    if not len(lengths) or not lengths[0] or (lengths != lengths[0]).any():
        raise StudyError(
            "subset: every user needs a list of the same length; delete subset/users.parquet and run again"
        )
    return items.reshape(len(lengths), lengths[0])


def user_rows(users: np.ndarray, subset: pa.Table) -> np.ndarray:
    """The row of `subset` of each of `users`, -1 for those that it lacks."""
    known = subset["user_id"].to_numpy()
    each = len(users) // len(known)
    if np.array_equal(
        users, np.repeat(known, each)
    ):  # a table in the subset's own order, as all of ours are: no search
        return np.repeat(np.arange(len(known)), each)
    order = np.argsort(known, kind="stable")
    at = np.minimum(np.searchsorted(known, users, sorter=order), len(known) - 1)
    return np.where(known[order[at]] == users, order[at], -1)
