"""What each user has seen, as arrays that can be cut into runs of users."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from microrank.errors import StudyError


@dataclass(frozen=True)
class Histories:
    """What each user has seen, oldest first: of `users[i]`, `items[starts[i]:starts[i + 1]]` (item_index, 1…n)."""

    users: np.ndarray
    starts: np.ndarray
    items: np.ndarray

    def newest(self, users: np.ndarray, length: int) -> np.ndarray:
        """The newest `length` items of the users at places `users`: [len(users), length], oldest first, padded with 0 on the left."""
        at = self.starts[users + 1, None] - np.arange(length, 0, -1)
        return np.where(at >= self.starts[users, None], self.items[np.maximum(at, 0)], 0)

    def seen(self, users: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(row, item_index) of every interaction of the users at places `users`; row counts in `users`."""
        lengths = self.starts[users + 1] - self.starts[users]
        row = np.repeat(np.arange(len(users)), lengths)
        within = np.arange(len(row)) - np.repeat(lengths.cumsum() - lengths, lengths)
        return row, self.items[self.starts[users][row] + within]


def gather_histories(past: Sequence[pa.Table], items: pa.Table, shard: Sequence[int] = (0, 1)) -> Histories:
    """Join the splits `past` (tables SPLIT) into one history a user, users ascending.

    Args:
        items: table ITEMS.
        shard: (i, n) keeps the i-th of n runs of users.

    Raises:
        StudyError: an interaction is with an item that `items` lacks.
    """
    rows = pa.concat_tables([split.select(["user_id", "position", "item_id"]) for split in past])
    user, position, item = (rows[name].to_numpy() for name in ("user_id", "position", "item_id"))
    users = np.unique(user)
    part, parts = shard
    users = users[len(users) * part // parts : len(users) * (part + 1) // parts]
    mine = (user >= users[0]) & (user <= users[-1]) if len(users) else np.zeros(len(user), bool)
    user, position, item = user[mine], position[mine], item[mine]
    order = np.lexsort((position, user))
    ids = items["item_id"].to_numpy()
    by_id = np.argsort(ids)
    at = by_id[np.minimum(np.searchsorted(ids, item[order], sorter=by_id), len(ids) - 1)]
    unknown = ids[at] != item[order]
    if unknown.any():
        raise StudyError(f"splits: item {item[order][unknown][0]} is not in items.parquet; delete the splits and run again")
    starts = np.append(np.searchsorted(user[order], users), len(user))
    return Histories(users, starts, items["item_index"].to_numpy()[at].astype(np.int64))
