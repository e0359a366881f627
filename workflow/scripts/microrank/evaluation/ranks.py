"""Where a ranking puts each user's held-out item."""

import numpy as np
import pyarrow as pa

from microrank.errors import StudyError
from microrank.tables import find_ids


def ground_truth_ranks(name: str, ranking: pa.Table, subset: pa.Table) -> np.ndarray:
    """Find the rank of each user's held-out item.

    Args:
        name: The method, for messages.
        ranking: Table RANKINGS, rows in any order.
        subset: Table SUBSET.

    Returns:
        [n_users] int64, in the order of `subset`: the rank from 1, or 0 where the list lacks the
        item.

    Raises:
        StudyError: The ranking is not a permutation of each user's candidates, so nothing could be
            compared.
    """
    lists = ranked_items(name, ranking, subset)
    hit = lists == subset["ground_truth"].to_numpy()[:, None]
    return np.where(hit.any(axis=1), hit.argmax(axis=1) + 1, 0)


def ranked_items(name: str, ranking: pa.Table, subset: pa.Table) -> np.ndarray:
    """Put each user's items into the order of the ranking.

    Args:
        name: The method, for messages.
        ranking: Table RANKINGS, rows in any order.
        subset: Table SUBSET.

    Returns:
        [n_users, k] int64: a permutation of each user's candidates.

    Raises:
        StudyError: The ranking is not a permutation of each user's candidates.
    """
    wrong = StudyError(
        f"rankings of {name}: not a permutation of each user's candidates; "
        "delete the file and run again"
    )
    candidates = candidate_lists(subset)
    n, k = candidates.shape
    row = user_rows(ranking["user_id"].to_numpy(), subset)
    place = ranking["rank"].to_numpy().astype(np.int64) - 1
    in_lists = (row >= 0) & (place >= 0) & (place < k)
    if len(row) != n * k or not in_lists.all():
        raise wrong
    lists = np.full(candidates.shape, -1, np.int64)
    lists[row, place] = ranking["item_id"].to_numpy()
    if not np.array_equal(np.sort(lists, axis=1), np.sort(candidates, axis=1)):
        raise wrong
    return lists


def candidate_lists(subset: pa.Table) -> np.ndarray:
    """Return the recommender's lists, [n_users, k] int64.

    Raises:
        StudyError: The lists differ in length, or are empty.
    """
    column = subset["candidates"].combine_chunks()
    items = column.flatten().to_numpy()
    lengths = np.diff(column.offsets.to_numpy())
    if not len(lengths) or not lengths[0] or (lengths != lengths[0]).any():
        raise StudyError(
            "subset: every user needs a list of the same length; "
            "delete subset/users.parquet and run again"
        )
    return items.reshape(len(lengths), lengths[0])


def as_ranking(subset: pa.Table) -> pa.Table:
    """Return the recommender's own order as `user_id`, `rank` and `item_id`."""
    lists = candidate_lists(subset)
    n, k = lists.shape
    return pa.table(
        {
            "user_id": np.repeat(subset["user_id"].to_numpy(), k),
            "rank": np.tile(np.arange(1, k + 1), n),
            "item_id": lists.ravel(),
        }
    )


def shown_items(subset: pa.Table) -> np.ndarray:
    """Return the ids of all items in histories and candidate lists: distinct, ascending, int64."""
    columns = [
        subset[name].combine_chunks().flatten().to_numpy() for name in ("history", "candidates")
    ]
    return np.unique(np.concatenate(columns))


def user_rows(users: np.ndarray, subset: pa.Table) -> np.ndarray:
    """Return the row of `subset` of each of `users`, -1 for those that it lacks."""
    known = subset["user_id"].to_numpy()
    rows_a_user = len(users) // len(known)
    if np.array_equal(users, np.repeat(known, rows_a_user)):
        # All of our own tables are in the subset's order: no search is needed.
        return np.repeat(np.arange(len(known)), rows_a_user)
    return find_ids(known, users)
