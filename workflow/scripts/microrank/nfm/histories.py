"""What each user has seen, as arrays that can be cut into runs of users."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from microrank.errors import StudyError
from microrank.tables import Batches, users_of


@dataclass(frozen=True)
class Histories:
    """What each user has seen, oldest first: `users[i]` has `items[starts[i]:starts[i + 1]]`.

    Attributes:
        users: ids, ascending, [n_users].
        starts: [n_users + 1].
        items: item_index from 1, [n_interactions], int32.
    """

    users: np.ndarray
    starts: np.ndarray
    items: np.ndarray

    def newest(self, users: np.ndarray, length: int) -> np.ndarray:
        """The newest `length` items of users, oldest first: [len(users), length], int32.

        Args:
            users: places in `self.users`.
            length: of a row, which is padded with 0 on the left.
        """
        at = self.starts[users + 1, None] - np.arange(length, 0, -1)
        return np.where(at >= self.starts[users, None], self.items[np.maximum(at, 0)], 0)

    def seen(self, users: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(row, item_index) of every interaction of the users at places `users`.

        The row is the place in `users`.
        """
        lengths = self.starts[users + 1] - self.starts[users]
        row = np.repeat(np.arange(len(users)), lengths)
        within = np.arange(len(row)) - np.repeat(lengths.cumsum() - lengths, lengths)
        return row, self.items[self.starts[users][row] + within].astype(np.int64)


def gather_histories(
    past: Sequence[Batches], items: pa.Table, shard: Sequence[int] = (0, 1)
) -> Histories:
    """Join the splits `past` (tables SPLIT) into one history a user, users ascending.

    Args:
        past: splits, tables SPLIT.
        items: table ITEMS.
        shard: (i, n) keeps the i-th of n runs of users.

    Raises:
        StudyError: an interaction is with an item that `items` lacks.
    """
    users = users_of(past)
    part, parts = shard
    users = users[len(users) * part // parts : len(users) * (part + 1) // parts]
    first, last = (users[0], users[-1]) if len(users) else (1, 0)
    index_of = _Catalogue(items)
    keys, indices = [np.empty(0, np.int64)], [np.empty(0, np.int32)]
    for batch in (batch for split in past for batch in split.to_batches()):
        user = batch["user_id"].to_numpy()
        rows = np.flatnonzero((user >= first) & (user <= last))
        if len(rows):
            place = np.searchsorted(users, user[rows])
            keys.append((place << 32) + batch["position"].to_numpy()[rows])
            indices.append(index_of(batch["item_id"].to_numpy()[rows]))
    key = np.concatenate(keys)
    del keys
    lengths = np.bincount(key >> 32, minlength=len(users))
    order = np.argsort(key, kind="stable")  # the splits are in order, so this is a merge
    del key
    return Histories(users, np.append(0, lengths.cumsum()), np.concatenate(indices)[order])


class _Catalogue:
    """item_id -> item_index."""

    def __init__(self, items: pa.Table) -> None:
        order = np.argsort(items["item_id"].to_numpy())
        self.ids, self.index = (
            items["item_id"].to_numpy()[order],
            items["item_index"].to_numpy()[order],
        )

    def __call__(self, item: np.ndarray) -> np.ndarray:
        at = np.minimum(np.searchsorted(self.ids, item), len(self.ids) - 1)
        unknown = self.ids[at] != item
        if unknown.any():
            raise StudyError(
                f"splits: item {item[unknown][0]} is not in items.parquet; "
                "delete the splits and run again"
            )
        return self.index[at]
