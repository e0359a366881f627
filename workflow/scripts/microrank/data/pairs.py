"""Interactions from raw files: the one way in.

A file holds lines `user<TAB>item item …`, oldest item first (MicroLens' tsv), or rows of a user,
an item and, if there is one, a time. What is read goes one way:

    blocks or rows -> ids as numbers -> users in ascending order -> cleaning -> portions

Portions hold whole users, so that a file far larger than memory can be split.
"""

import logging
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from microrank.data.cleaning import clean_histories
from microrank.data.digit_scanner import leading_numbers
from microrank.data.ids import IdSpace
from microrank.data.layouts import Layout, find_layout
from microrank.data.line_blocks import read_blocks
from microrank.data.pairs_rows import Gathered, gather_rows
from microrank.data.pairs_tsv import read_tsv
from microrank.data.problems import Problems
from microrank.data.raw_histories import RawHistories, check_users_once, join
from microrank.data.raw_settings import GLOBAL_TIME, RawSettings
from microrank.data.untold_times import check_times_are_told
from microrank.errors import StudyError

log = logging.getLogger(__name__)

BY_TIMES, BY_LINES, BY_ROWS = "times", "lines", "rows"  # what puts a user's items in order
OPTIONAL = ("timestamp", "rating")  # columns that a file may lack
PROGRESS_EVERY_S = 5.0
# A smaller file is read once and gathered. A larger one is read first to see if its users ascend.
IN_MEMORY_BYTES = 1 << 24
USERS_PER_PORTION = 1 << 16


@dataclass
class Interactions:
    """The interactions of a file, or of two of the same.

    Attributes:
        paths: the files.
        settings: how they are read and cleaned.
        users: the users' ids; complete once the portions are read.
        items: the items' ids; likewise.
        problems: what was found; likewise.
        order: what puts a user's items in order; likewise.
        n_ties: interactions that share their user's time with another one; likewise.
    """

    paths: Sequence[Path]
    settings: RawSettings = field(default_factory=RawSettings)
    users: IdSpace = field(default_factory=IdSpace)
    items: IdSpace = field(default_factory=IdSpace)
    problems: Problems = field(init=False)
    order: str = BY_LINES
    n_ties: int = 0

    def __post_init__(self) -> None:
        self.problems = Problems(self.paths[0])

    def portions(self) -> Iterator[RawHistories]:
        """Read the interactions in portions of whole users, users ascending.

        Raises:
            StudyError: after the last portion, for all that is wrong with the rows; before, for
                what cannot be read at all, or where two files differ.
        """
        if len(self.paths) == 2:
            first, second = (Interactions([path], self.settings) for path in self.paths)
            yield from _agreeing(first, second)
            self.problems, self.order, self.n_ties = first.problems, first.order, first.n_ties
            return
        n_users = 0
        for portion in _with_progress(self.paths[0], self._cleaned()):
            n_users += len(portion.users)
            yield portion
        self.problems.settle()
        if not n_users:
            raise StudyError(f"{self.paths[0]}: no user is left to be split: {self.problems}")

    def _cleaned(self) -> Iterator[RawHistories]:
        layout = find_layout(
            self.paths[0],
            self.settings.format,
            self.settings.columns,
            needed=("user", "item"),
            optional=[w for w in OPTIONAL if w not in self.settings.columns_without],
            setting=f"{self.settings.name}.columns",
        )
        self._check_settings(layout)
        check_times_are_told(self.paths[0], layout, self.settings)
        yield from clean_histories(
            _portions(self._parsed(layout)),
            self.settings,
            self.problems,
            self.names_of_users,
            self.names_of_items,
        )

    def names_of_users(self, users: np.ndarray) -> pa.Array:
        """Users as they are written in the file."""
        return self.users.texts_of(users)

    def names_of_items(self, items: np.ndarray) -> pa.Array:
        """Items as they are written in the file."""
        return self.items.texts_of(items)

    def _parsed(self, layout: Layout) -> Iterator[RawHistories]:
        if layout.kind == "lists":
            return _lists(self.paths[0])
        gathered = gather_rows(self.paths[0], layout, self.settings, self.problems)
        self.users, self.items = gathered.users, gathered.items
        self.order = BY_TIMES if gathered.has_times else BY_ROWS
        return self._counting_ties(gathered)

    def _counting_ties(self, gathered: Gathered) -> Iterator[RawHistories]:
        yield from gathered.histories()
        self.n_ties = gathered.n_ties

    def _check_settings(self, layout: Layout) -> None:
        path, name = self.paths[0], self.settings.name
        if self.settings.split == GLOBAL_TIME and "timestamp" not in layout.columns:
            raise StudyError(
                f"{path}: has no times, which {name}.split: global-time needs; name their column "
                f"as {name}.columns.timestamp, or split leave-one-out"
            )
        if self.settings.min_rating is not None and "rating" not in layout.columns:
            raise StudyError(
                f"{path}: has no ratings, which {name}.min_rating needs; name their column as "
                f"{name}.columns.rating, or take min_rating out"
            )


def iter_histories(
    paths: Sequence[Path], settings: RawSettings | None = None
) -> Iterator[RawHistories]:
    """Read interactions in portions of whole users, users ascending.

    Args:
        paths: one file, or two of the same interactions (say tsv and csv), which must agree on
            users, items and order.
        settings: how they are read and cleaned.

    Raises:
        StudyError: as `Interactions.portions`.
    """
    return Interactions(paths, settings or RawSettings()).portions()


def read_pairs(path: Path) -> pa.Table:
    """Read one file into a table SPLIT, sorted by user, position."""
    return pa.concat_tables(histories.to_table() for histories in iter_histories([path]))


def _lists(path: Path) -> Iterator[RawHistories]:
    """The lines of a file of lists, users ascending, each of them once."""
    _warn_of_a_cut(path)
    is_large = path.stat().st_size > IN_MEMORY_BYTES
    parts = read_tsv(path)
    if not (is_large and _users_ascend(path)):
        parts = _ascending(list(parts))
    previous_user: tuple[int, int] | None = None
    for part in parts:
        check_users_once(part, path, previous_user)
        previous_user = int(part.users[-1]), int(part.lines[-1])
        yield part


def _ascending(parts: list[RawHistories]) -> Iterator[RawHistories]:
    users = np.concatenate([part.users for part in parts])
    if (users[1:] >= users[:-1]).all():
        return iter(parts)
    return iter([join(parts).sorted_by_user()])


def _users_ascend(path: Path) -> bool:
    last_user = -1
    for text in read_blocks(path):
        users = leading_numbers(text)
        if users[0] < last_user or (users[1:] < users[:-1]).any():
            return False
        last_user = users[-1]
    return True


def _portions(parts: Iterator[RawHistories]) -> Iterator[RawHistories]:
    for part in parts:
        yield from part.in_parts(USERS_PER_PORTION)


def _with_progress(path: Path, portions: Iterator[RawHistories]) -> Iterator[RawHistories]:
    """Log from time to time how much was read."""
    n_users = n_rows = 0
    logged = time.monotonic()
    for portion in portions:
        yield portion
        n_users += len(portion.users)
        n_rows += len(portion.items)
        if time.monotonic() - logged > PROGRESS_EVERY_S:
            logged = time.monotonic()
            log.info("%s: %d users with %d interactions so far", path, n_users, n_rows)


def _warn_of_a_cut(path: Path) -> None:
    """Warn where the last line has no end. Whole files may end so, too: only a checksum tells."""
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        if file.read() not in (b"\n", b"\r"):
            log.warning(
                "%s: the last line has no line end: if the file was cut, its last item is wrong; "
                "declare its checksum to be sure",
                path,
            )


def _agreeing(first: Interactions, second: Interactions) -> Iterator[RawHistories]:
    """Read two files of the same interactions; refuse them where they differ."""
    histories = [join(list(interactions.portions())) for interactions in (first, second)]
    paths = (first.paths[0], second.paths[0])
    for interactions in (first, second):
        if interactions.users.is_text or interactions.items.is_text:
            raise StudyError(
                f"{interactions.paths[0]}: two files of the same interactions can be compared "
                "only where all ids are whole numbers; name one of them under `pairs`"
            )
    user = _first_difference(*histories)
    if user is not None:
        first_items, second_items = (_items_of(user, of_file) for of_file in histories)
        raise StudyError(
            f"{paths[0]} and {paths[1]} disagree: user {user} has {first_items} in the first and "
            f"{second_items} in the second; name only the right one under `pairs`"
        )
    yield from histories[0].in_parts(USERS_PER_PORTION)


def _first_difference(first: RawHistories, second: RawHistories) -> int | None:
    """The smallest user who is missing in one of the two, or whose items differ."""
    n = min(len(first.users), len(second.users))
    fits = (first.users[:n] == second.users[:n]) & (first.lengths[:n] == second.lengths[:n])
    n_fitting = n if fits.all() else int(fits.argmin())
    n_rows = int(first.lengths[:n_fitting].sum())
    differing = np.flatnonzero(first.items[:n_rows] != second.items[:n_rows])
    if len(differing):
        row = np.searchsorted(first.starts[:n_fitting], differing[0], side="right") - 1
        return int(first.users[row])
    both = (first.users, second.users)
    return min((int(users[n_fitting]) for users in both if n_fitting < len(users)), default=None)


def _items_of(user: int, histories: RawHistories) -> str:
    index = int(np.searchsorted(histories.users, user))
    if index == len(histories.users) or histories.users[index] != user:
        return "no items"
    history = histories.part(index, index + 1)
    items = " ".join(str(item) for item in history.items[:8])
    rest = " …" if len(history.items) > 8 else ""
    return f"items {items}{rest} (line {history.lines[0]})"
