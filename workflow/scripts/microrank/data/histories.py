"""Users and their items as flat arrays, and what must hold of them before anything is split."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from microrank import tables
from microrank.errors import StudyError

MIN_ITEMS = 3  # one each to train on, to validate with and to test with


class Histories(NamedTuple):
    """Each user's items, oldest first, one user after the other.

    users: [n_users] int64; lengths: [n_users] int64; items: [n_rows] int64; lines: [n_users] int64, where each user stands in the file.
    """

    users: np.ndarray
    lengths: np.ndarray
    items: np.ndarray
    lines: np.ndarray

    @property
    def starts(self) -> np.ndarray:
        """[n_users] the row of each user's oldest item."""
        return np.cumsum(self.lengths) - self.lengths

    def sorted_by_user(self) -> "Histories":
        """The same histories, users ascending; equal users stay in file order."""
        order = np.argsort(self.users, kind="stable")
        lengths = self.lengths[order]
        rows = np.repeat(self.starts[order] - (np.cumsum(lengths) - lengths), lengths)
        rows += np.arange(len(self.items))
        return Histories(self.users[order], lengths, self.items[rows], self.lines[order])

    def in_parts(self, n_users: int) -> Iterator["Histories"]:
        """The same histories, `n_users` at a time."""
        for first in range(0, len(self.users), n_users):
            yield self.part(first, min(first + n_users, len(self.users)))

    def part(self, first: int, last: int) -> "Histories":
        """The users with index `first` to `last` (not included)."""
        start = int(self.lengths[:first].sum())
        end = start + int(self.lengths[first:last].sum())
        return Histories(self.users[first:last], self.lengths[first:last], self.items[start:end], self.lines[first:last])

    def to_table(self) -> pa.Table:
        """Table SPLIT."""
        position = np.arange(len(self.items)) - np.repeat(self.starts, self.lengths)
        columns = [np.repeat(self.users, self.lengths), self.items, position.astype(np.int32)]
        return pa.table(columns, schema=tables.SPLIT)


def join(parts: list[Histories]) -> Histories:
    """The histories of `parts`, one after the other."""
    return Histories(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def check_histories(histories: Histories, path: Path, before: tuple[int, int] | None = None) -> None:
    """Every user once, with at least three items, none twice.

    Args:
        histories: users ascending.
        before: user and line that end the histories before these, where there are such.

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
            f"{path}: line {lines[first]}: user {users[first]} has {_items(lengths[first])}, but the split needs {MIN_ITEMS} of each user "
            f"(train, valid, test); remove the user ({len(short)} such here)"
        )
    repeated = find_repeated(histories)
    if repeated is not None:
        user, item = repeated
        line = lines[np.searchsorted(users, user)]
        raise StudyError(f"{path}: line {line}: user {user} has item {item} more than once; keep one interaction of each pair")


def find_repeated(histories: Histories) -> tuple[int, int] | None:
    """The first user who has an item twice, with that item; None where there is none."""
    owners = np.repeat(np.arange(len(histories.users)), histories.lengths)
    items = histories.items
    item_bits = int(items.max(initial=0)).bit_length()
    if item_bits + len(histories.users).bit_length() <= 63:
        keys = (owners << item_bits) | items
    else:
        distinct, index = np.unique(items, return_inverse=True)
        keys = owners * len(distinct) + index
    keys.sort()
    same = np.flatnonzero(keys[1:] == keys[:-1])
    if not len(same):
        return None
    key = int(keys[same[0]])
    if item_bits + len(histories.users).bit_length() <= 63:
        return int(histories.users[key >> item_bits]), key & ((1 << item_bits) - 1)
    return int(histories.users[key // len(distinct)]), int(distinct[key % len(distinct)])


def _raise_twice(path: Path, user: int, first: int, second: int) -> None:
    raise StudyError(
        f"{path}: line {second}: user {user} stands on line {first} already; put all items of a user on one line, oldest first"
    )


def _items(count: int) -> str:
    return "1 item" if count == 1 else f"{count} items"
