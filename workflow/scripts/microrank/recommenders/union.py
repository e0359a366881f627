"""The union pool: the first places of several recommenders' lists, as a list of its own."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from microrank import tables
from microrank.errors import StudyError
from microrank.tables import Batches


def unite_lists(parts: Sequence[Batches], k: int) -> pa.Table:
    """Take place after place of the lists in turn, each item once, until k items are there.

    Nobody's held-out item is put in: a pool lacks it where all lists lack it.

    Args:
        parts: Tables RECOMMENDATIONS of at least k places a user, in the order of the turns.
        k: Length of a pool.

    Returns:
        Table RECOMMENDATIONS of the users who have a list in every part; −rank stands for scores.

    Raises:
        StudyError: No user has a list in every part.
    """
    lists = [_lists(part, k) for part in parts]
    users = lists[0][0]
    for other, _ in lists[1:]:
        users = np.intersect1d(users, other)
    if not len(users):
        raise StudyError("no user has a list of every recommender of the union; correct `union`")
    of_parts = [items[tables.find_ids(known, users)] for known, items in lists]
    in_turn = np.stack(of_parts, axis=2).reshape(len(users), -1)
    pools = np.array([list(dict.fromkeys(row.tolist()))[:k] for row in in_turn], np.int64)
    ranks = np.tile(np.arange(1, k + 1), len(users))
    columns = [np.repeat(users, k), ranks, pools.ravel(), -ranks]
    return pa.table(columns, names=tables.RECOMMENDATIONS.names).cast(tables.RECOMMENDATIONS)


def _lists(table: Batches, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Users, ascending, and their items by rank, [n_users, k]."""
    rows = pa.Table.from_batches(list(table.to_batches()), table.schema)
    user, rank, item = (rows[name].to_numpy() for name in ("user_id", "rank", "item_id"))
    order = np.lexsort((rank, user))
    order = order[rank[order] <= k]
    return user[order].reshape(-1, k)[:, 0], item[order].reshape(-1, k)
