"""Users and their items as flat arrays."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from microrank import tables
from microrank.errors import StudyError


@dataclass(frozen=True)
class RawHistories:
    """Each user's items, oldest first, one user after the other.

    Attributes:
        users: [n_users] int64.
        lengths: [n_users] int64, items of each user.
        items: [n_rows] int64.
        lines: [n_users] int64, the line of the file on which each user stands first.
        times: [n_rows] int64, microseconds; None where the file has no times.
        row_lines: [n_rows] int64, the line of each row; None where a user has one line.
    """

    users: np.ndarray
    lengths: np.ndarray
    items: np.ndarray
    lines: np.ndarray
    times: np.ndarray | None = None
    row_lines: np.ndarray | None = None

    @property
    def starts(self) -> np.ndarray:
        """[n_users] int64: the row of each user's oldest item."""
        return np.cumsum(self.lengths) - self.lengths

    @property
    def user_index(self) -> np.ndarray:
        """[n_rows] int64: the place in `users` of each row's user."""
        return np.repeat(np.arange(len(self.users)), self.lengths)

    def sorted_by_user(self) -> "RawHistories":
        """The same histories, users ascending; equal users stay in file order."""
        order = np.argsort(self.users, kind="stable")
        lengths = self.lengths[order]
        rows = np.repeat(self.starts[order] - (np.cumsum(lengths) - lengths), lengths)
        rows += np.arange(len(self.items))
        return replace(
            self._with_rows(rows),
            users=self.users[order],
            lengths=lengths,
            lines=self.lines[order],
        )

    def in_parts(self, n_users: int) -> Iterator["RawHistories"]:
        """The same histories, `n_users` at a time."""
        for first in range(0, len(self.users), n_users):
            yield self.part(first, min(first + n_users, len(self.users)))

    def part(self, first: int, last: int) -> "RawHistories":
        """The users with index `first` to `last` (not included)."""
        start = int(self.lengths[:first].sum())
        end = start + int(self.lengths[first:last].sum())
        users = slice(first, last)
        return replace(
            self._with_rows(slice(start, end)),
            users=self.users[users],
            lengths=self.lengths[users],
            lines=self.lines[users],
        )

    def rows_where(self, is_kept: np.ndarray) -> "RawHistories":
        """Without the rows [n_rows] that are not kept, nor users who have none left."""
        lengths = np.bincount(self.user_index[is_kept], minlength=len(self.users))
        return replace(self._with_rows(is_kept), lengths=lengths).users_where(lengths > 0)

    def users_where(self, is_kept: np.ndarray) -> "RawHistories":
        """Without the users [n_users] who are not kept, nor their rows."""
        if is_kept.all():
            return self
        return replace(
            self._with_rows(np.repeat(is_kept, self.lengths)),
            users=self.users[is_kept],
            lengths=self.lengths[is_kept],
            lines=self.lines[is_kept],
        )

    def _with_rows(self, rows: np.ndarray | slice) -> "RawHistories":
        """With these rows alone; the users stay as they are."""
        return replace(
            self,
            items=self.items[rows],
            times=None if self.times is None else self.times[rows],
            row_lines=None if self.row_lines is None else self.row_lines[rows],
        )

    def to_table(self) -> pa.Table:
        """Table SPLIT."""
        position = np.arange(len(self.items)) - np.repeat(self.starts, self.lengths)
        return split_table(np.repeat(self.users, self.lengths), self.items, position)


def split_table(users: np.ndarray, items: np.ndarray, position: np.ndarray) -> pa.Table:
    """Table SPLIT of three columns [n_rows]."""
    return pa.table([users, items, position.astype(np.int32, copy=False)], schema=tables.SPLIT)


def join(parts: list[RawHistories]) -> RawHistories:
    """The histories of `parts`, one after the other."""
    columns = ("users", "lengths", "items", "lines")
    return RawHistories(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in columns}
    )


def check_users_once(
    histories: RawHistories, path: Path, before: tuple[int, int] | None = None
) -> None:
    """Check that every user stands on one line only.

    Args:
        histories: users ascending.
        path: their file, for messages.
        before: the last user before these histories and that user's line; None at the start.

    Raises:
        StudyError: names the lines and the user.
    """
    users, lines = histories.users, histories.lines
    if before is not None and len(users) and before[0] == users[0]:
        _raise_twice(path, int(users[0]), before[1], int(lines[0]))
    twice = np.flatnonzero(users[1:] == users[:-1])
    if len(twice):
        first = twice[0]
        _raise_twice(path, int(users[first]), int(lines[first]), int(lines[first + 1]))


def _raise_twice(path: Path, user: int, first: int, second: int) -> None:
    raise StudyError(
        f"{path}: line {second}: user {user} stands on line {first} already; put all items of a "
        "user on one line, oldest first"
    )
