"""Where a recommender's lists hold the held-out items, found list by list, so that the lists need not fit into memory."""

from typing import NamedTuple

import numpy as np

from microrank.errors import StudyError
from microrank.tables import Batches


class Found(NamedTuple):
    """Of the users who have a list, ascending: `items`, what was hidden from each, and its rank, 0 where the list lacks it: all [n_users].

    list_length: the last rank of any list.
    """

    users: np.ndarray
    items: np.ndarray
    ranks: np.ndarray
    list_length: int


def find_held_out_items(recommendations: Batches, hidden: Batches) -> Found:
    """Look each user's held-out item up in the user's list.

    Args:
        recommendations: table RECOMMENDATIONS, rows in any order. hidden: table SPLIT (test, or valid), one item a user.

    Raises:
        StudyError: `hidden` has no or several items of a user, or there are lists of users whom it lacks.
    """
    lists_file, hidden_file = (
        getattr(recommendations, "path", "the lists"),
        getattr(hidden, "path", "the split"),
    )
    users, items = (_column(hidden, name) for name in ("user_id", "item_id"))
    if (users[1:] < users[:-1]).any():
        order = np.argsort(users)
        users, items = users[order], items[order]
    if not len(users) or (users[1:] == users[:-1]).any():
        raise StudyError(
            f"{hidden_file}: does not hold one item for each of at least one user; delete the splits and run again"
        )
    ranks, has_list, list_length = np.zeros(len(users), np.int16), np.zeros(len(users), bool), 0
    for batch in recommendations.to_batches():
        user, rank, item = (batch[name].to_numpy() for name in ("user_id", "rank", "item_id"))
        row = np.minimum(np.searchsorted(users, user), len(users) - 1)
        if (users[row] != user).any():
            raise StudyError(
                f"{lists_file}: holds users that {hidden_file} lacks; delete the file and run again"
            )
        hit = item == items[row]
        ranks[row[hit]] = rank[hit]
        has_list[row] = True
        list_length = max(list_length, int(rank.max(initial=0)))
    if not list_length:
        raise StudyError(f"{lists_file}: holds no list; delete the file and run again")
    return Found(users[has_list], items[has_list], ranks[has_list], list_length)


def _column(table: Batches, name: str) -> np.ndarray:
    return np.concatenate(
        [np.empty(0, np.int64), *(batch[name].to_numpy() for batch in table.to_batches())]
    )
