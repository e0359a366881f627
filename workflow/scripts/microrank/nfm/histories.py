"""What each user has seen, as arrays that can be cut into runs of users."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from microrank.errors import StudyError
from microrank.shards import Shard
from microrank.tables import Batches, find_ids, users_of

ALL_USERS = Shard()


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
    past: Sequence[Batches], items: pa.Table, shard: Shard = ALL_USERS
) -> Histories:
    """Join the splits `past` (tables SPLIT) into one history a user, users ascending.

    Args:
        past: splits, tables SPLIT.
        items: table ITEMS.
        shard: which run of users to keep.

    Raises:
        StudyError: an interaction is with an item that `items` lacks.
    """
    users = users_of(past)
    users = users[shard.of(len(users))]
    first, last = (users[0], users[-1]) if len(users) else (1, 0)
    keys, indices = [np.empty(0, np.int64)], [np.empty(0, np.int32)]
    for batch in (batch for split in past for batch in split.to_batches()):
        user = batch["user_id"].to_numpy()
        rows = np.flatnonzero((user >= first) & (user <= last))
        if len(rows):
            place = np.searchsorted(users, user[rows])
            keys.append((place << 32) + batch["position"].to_numpy()[rows])
            indices.append(_item_indices(items, batch["item_id"].to_numpy()[rows]))
    key = np.concatenate(keys)
    del keys
    lengths = np.bincount(key >> 32, minlength=len(users))
    order = np.argsort(key, kind="stable")  # the splits are in order, so this is a merge
    del key
    return Histories(users, np.append(0, lengths.cumsum()), np.concatenate(indices)[order])


def _item_indices(items: pa.Table, item_ids: np.ndarray) -> np.ndarray:
    places = find_ids(items["item_id"].to_numpy(), item_ids)
    if (places < 0).any():
        raise StudyError(
            f"splits: item {item_ids[places < 0][0]} is not in items.parquet; "
            "delete the splits and run again"
        )
    return items["item_index"].to_numpy()[places]
