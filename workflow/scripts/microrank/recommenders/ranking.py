"""From scores to places: the whole catalogue competes, but for what a user has seen.

Of equal scores the more popular item comes first, then the lower id. So a recommender that has
nothing to say about a user gives the most popular items.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from microrank import tables
from microrank.errors import StudyError
from microrank.recommenders.fitted import Interactions, Scores

USERS_AT_ONCE = 500


def top_k(scores: Scores, data: Interactions, k: int) -> pa.Table:
    """Give every user the k unseen items of highest score.

    Args:
        scores: Of the fitted recommender.
        data: What it was fitted to; the items of the histories are masked.
        k: Length of a list.

    Returns:
        Table RECOMMENDATIONS, sorted by user and rank.

    Raises:
        StudyError: Somebody has fewer than k unseen items, or a score is not a finite number.
    """
    _check_lengths(data, k)
    order = _column_order(data)
    ids = data.items["item_id"].to_numpy()[np.argsort(data.items["item_index"].to_numpy())]
    n_users = len(data.histories.users)
    items, values = np.zeros((n_users, k), np.int64), np.zeros((n_users, k), np.float32)
    for users, in_order in _blocks(scores, data, np.arange(n_users), order):
        for user, row in zip(users, in_order, strict=True):
            best = _first(row, k)
            items[user], values[user] = ids[order[best] - 1], row[best]
    return pa.table(
        {
            "user_id": np.repeat(data.histories.users, k),
            "rank": np.tile(np.arange(1, k + 1, dtype=np.int16), n_users),
            "item_id": items.ravel(),
            "score": values.ravel(),
        }
    ).cast(tables.RECOMMENDATIONS)


def ranks_of(
    scores: Scores, data: Interactions, users: np.ndarray, targets: np.ndarray
) -> np.ndarray:
    """Find the rank of each user's target in the user's whole ranking, from 1, [len(users)].

    Args:
        scores: Of the fitted recommender.
        data: What it was fitted to.
        users: Places in the histories.
        targets: The item_index of each one's held-out item.
    """
    order = _column_order(data)
    column_of = np.zeros(data.n_items + 1, np.int64)
    column_of[order] = np.arange(data.n_items)
    columns, parts, done = column_of[targets], [np.empty(0, np.int64)], 0
    for block, in_order in _blocks(scores, data, users, order):
        column = columns[done : done + len(block), None]
        done += len(block)
        value = np.take_along_axis(in_order, column, axis=1)
        is_before = (in_order == value) & (np.arange(data.n_items) < column)
        parts.append(1 + ((in_order > value) | is_before).sum(axis=1))
    return np.concatenate(parts)


def _blocks(
    scores: Scores, data: Interactions, users: np.ndarray, order: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield users, and their scores in the order of `order`, those of seen items −∞."""
    for first in range(0, len(users), USERS_AT_ONCE):
        block = users[first : first + USERS_AT_ONCE]
        values = np.array(scores(block), np.float32)
        if not np.isfinite(values[:, 1:]).all():
            raise StudyError(
                "a recommender's scores are not all finite numbers; give it other settings"
            )
        values[data.histories.seen(block)] = -np.inf
        yield block, values[:, order]


def _column_order(data: Interactions) -> np.ndarray:
    """The item_index of all items, the most popular first, then by id: [n_items]."""
    index = data.items["item_index"].to_numpy()
    order = np.lexsort((data.items["item_id"].to_numpy(), -data.counts[index]))
    return index[order].astype(np.int64)


def _first(row: np.ndarray, k: int) -> np.ndarray:
    """The places of the k largest values of a row; of equal ones the first."""
    least = np.partition(row, -k)[-k]
    larger = np.flatnonzero(row > least)
    chosen = np.concatenate([larger, np.flatnonzero(row == least)[: k - len(larger)]])
    return chosen[np.argsort(-row[chosen], kind="stable")]


def _check_lengths(data: Interactions, k: int) -> None:
    most = int(np.diff(data.histories.starts).max(initial=0))
    if data.n_items - most < k:
        raise StudyError(
            f"top_k is {k}, but somebody has only {data.n_items - most} of {data.n_items} items "
            "left to recommend; lower top_k"
        )
