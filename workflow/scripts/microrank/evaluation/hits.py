"""Where a recommender's lists hold the held-out items.

The lists are read a batch at a time, so that they need not fit into memory.
"""

from typing import NamedTuple

import numpy as np

from microrank.errors import StudyError
from microrank.tables import Batches, find_ids


class HeldOutItems(NamedTuple):
    """The held-out item of each user who has a list, users ascending.

    Attributes:
        users: ids, [n_users].
        items: ids of the held-out items, [n_users].
        ranks: of the item in the user's list, from 1; 0 where the list lacks it, [n_users].
        list_length: the last rank of any list.
    """

    users: np.ndarray
    items: np.ndarray
    ranks: np.ndarray
    list_length: int


def find_held_out_items(recommendations: Batches, held_out: Batches) -> HeldOutItems:
    """Look each user's held-out item up in the user's list.

    Args:
        recommendations: table RECOMMENDATIONS, rows in any order.
        held_out: table SPLIT (test, or valid), one item a user.

    Raises:
        StudyError: `held_out` has no or several items of a user, or there are lists of users whom
            it lacks.
    """
    lists_file = getattr(recommendations, "path", "the lists")
    held_out_file = getattr(held_out, "path", "the split")
    users, items = _by_user(held_out)
    if not len(users) or (users[1:] == users[:-1]).any():
        raise StudyError(
            f"{held_out_file}: does not hold one item for each of at least one user; "
            "delete the splits and run again"
        )
    ranks, has_list, list_length = np.zeros(len(users), np.int16), np.zeros(len(users), bool), 0
    for batch in recommendations.to_batches():
        user, rank, item = (batch[name].to_numpy() for name in ("user_id", "rank", "item_id"))
        row = find_ids(users, user)
        if (row < 0).any():
            raise StudyError(
                f"{lists_file}: holds users that {held_out_file} lacks; "
                "delete the file and run again"
            )
        hit = item == items[row]
        ranks[row[hit]] = rank[hit]
        has_list[row] = True
        list_length = max(list_length, int(rank.max(initial=0)))
    if not list_length:
        raise StudyError(f"{lists_file}: holds no list; delete the file and run again")
    return HeldOutItems(users[has_list], items[has_list], ranks[has_list], list_length)


def _by_user(split: Batches) -> tuple[np.ndarray, np.ndarray]:
    """Users, ascending, and their items."""
    users, items = (_column(split, name) for name in ("user_id", "item_id"))
    if (users[1:] < users[:-1]).any():
        order = np.argsort(users)
        users, items = users[order], items[order]
    return users, items


def _column(table: Batches, name: str) -> np.ndarray:
    return np.concatenate(
        [np.empty(0, np.int64), *(batch[name].to_numpy() for batch in table.to_batches())]
    )
