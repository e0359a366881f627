"""Users and their items as flat arrays, and what must hold of them before anything is split."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from microrank import tables
from microrank.errors import StudyError

MIN_ITEMS = 3  # one each to train on, to validate with and to test with


class RawHistories(NamedTuple):
    """Each user's items, oldest first, one user after the other.

    users: [n_users] int64.
    lengths: [n_users] int64, items of each user.
    items: [n_rows] int64.
    lines: [n_users] int64, the line of the file on which each user stands first.
    """

    users: np.ndarray
    lengths: np.ndarray
    items: np.ndarray
    lines: np.ndarray

    @property
    def starts(self) -> np.ndarray:
        """[n_users] int64: the row of each user's oldest item."""
        return np.cumsum(self.lengths) - self.lengths

    def sorted_by_user(self) -> "RawHistories":
        """The same histories, users ascending; equal users stay in file order."""
        order = np.argsort(self.users, kind="stable")
        lengths = self.lengths[order]
        rows = np.repeat(self.starts[order] - (np.cumsum(lengths) - lengths), lengths)
        rows += np.arange(len(self.items))
        return RawHistories(self.users[order], lengths, self.items[rows], self.lines[order])

    def in_parts(self, n_users: int) -> Iterator["RawHistories"]:
        """The same histories, `n_users` at a time."""
        for first in range(0, len(self.users), n_users):
            yield self.part(first, min(first + n_users, len(self.users)))

    def part(self, first: int, last: int) -> "RawHistories":
        """The users with index `first` to `last` (not included)."""
        start = int(self.lengths[:first].sum())
        end = start + int(self.lengths[first:last].sum())
        return RawHistories(
            self.users[first:last],
            self.lengths[first:last],
            self.items[start:end],
            self.lines[first:last],
        )

    def to_table(self) -> pa.Table:
        """Table SPLIT."""
        position = np.arange(len(self.items)) - np.repeat(self.starts, self.lengths)
        return split_table(np.repeat(self.users, self.lengths), self.items, position)

    def split(self) -> tuple[pa.Table, pa.Table, pa.Table]:
        """Split leave-one-out.

        Returns:
            Tables SPLIT: train (all but the last two items of each user), valid (the last but
                one) and test (the last).
        """
        ends = np.cumsum(self.lengths) - 1
        kept = self.lengths - 2
        in_train = np.ones(len(self.items), bool)
        in_train[ends] = in_train[ends - 1] = False
        position = np.arange(len(self.items) - 2 * len(ends), dtype=np.int32)
        position -= np.repeat((np.cumsum(kept) - kept).astype(np.int32), kept)
        return (
            split_table(np.repeat(self.users, kept), self.items[in_train], position),
            split_table(self.users, self.items[ends - 1], kept),
            split_table(self.users, self.items[ends], kept + 1),
        )


def split_table(users: np.ndarray, items: np.ndarray, position: np.ndarray) -> pa.Table:
    """Table SPLIT of three columns [n_rows]."""
    return pa.table([users, items, position.astype(np.int32, copy=False)], schema=tables.SPLIT)


def join(parts: list[RawHistories]) -> RawHistories:
    """The histories of `parts`, one after the other."""
    return RawHistories(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def check_histories(
    histories: RawHistories, path: Path, before: tuple[int, int] | None = None
) -> None:
    """Check that every user stands there once, with at least three items and none twice.

    Args:
        histories: users ascending.
        path: their file, for messages.
        before: the last user before these histories and that user's line; None at the start.

    Raises:
        StudyError: names the line, the user, and the item.
    """
    users, lengths, _, lines = histories
    if before is not None and len(users) and before[0] == users[0]:
        _raise_twice(path, int(users[0]), before[1], int(lines[0]))
    twice = np.flatnonzero(users[1:] == users[:-1])
    if len(twice):
        first = twice[0]
        _raise_twice(path, int(users[first]), int(lines[first]), int(lines[first + 1]))
    short = np.flatnonzero(lengths < MIN_ITEMS)
    if len(short):
        first = short[0]
        raise StudyError(
            f"{path}: line {lines[first]}: user {users[first]} has {_items(lengths[first])}, but "
            f"the split needs {MIN_ITEMS} of each user (train, valid, test); remove the user "
            f"({len(short)} such here)"
        )
    repeated = find_repeated(histories)
    if repeated is not None:
        index, item = repeated
        raise StudyError(
            f"{path}: line {lines[index]}: user {users[index]} has item {item} more than once; "
            "keep one interaction of each pair"
        )


def find_repeated(histories: RawHistories) -> tuple[int, int] | None:
    """Find a user who has an item twice.

    Users of one length make a matrix [length, n_users], whose rows are compared with each other.
    Where there are too many rows, or too few users, columns are sorted first, so that it is enough
    to compare neighbours.

    Returns:
        The index of the user, and the item; None where there is no such user.
    """
    # numpy sorts integers of 8 and 16 bits ten times faster.
    lengths = histories.lengths.astype(np.min_scalar_type(histories.lengths.max(initial=0)))
    by_length = np.argsort(lengths, kind="stable")
    starts, lengths = histories.starts[by_length], lengths[by_length]
    groups = np.flatnonzero(np.diff(lengths, prepend=0))
    for length, first, last in zip(
        lengths[groups].tolist(), groups, [*groups[1:], len(starts)], strict=True
    ):
        items = histories.items[starts[first:last] + np.arange(length)[:, None]]
        is_sorted = length > 32 or last - first < 256
        if is_sorted:
            items.sort(axis=0)
        for lag in range(1, 2 if is_sorted else length):
            same = items[lag:] == items[:-lag]
            if same.any():
                place, user = np.argwhere(same)[0]
                return int(by_length[first + user]), int(items[place, user])
    return None


def _raise_twice(path: Path, user: int, first: int, second: int) -> None:
    raise StudyError(
        f"{path}: line {second}: user {user} stands on line {first} already; put all items of a "
        "user on one line, oldest first"
    )


def _items(count: int) -> str:
    return "1 item" if count == 1 else f"{count} items"
