"""Rows on their way from the order of a file to that of users: in memory, or else on disk.

Memory depends on IN_MEMORY_ROWS, not on the number of rows. Rows that do not fit are written to a
temporary file, are cut into ranges of users, and each range is sorted by itself.
"""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Self

import numpy as np

IN_MEMORY_ROWS = 1_000_000
SAMPLE_ROWS = 1 << 16
MAX_RANGES = 256  # each has a file that is open
USER, ITEM, TIME, LINE = range(4)
N_COLUMNS = 4


class RowStore:
    """Rows of user, item, time and line; a context manager, at whose end its files are gone."""

    def __init__(self) -> None:
        self._waiting = np.empty((IN_MEMORY_ROWS, N_COLUMNS), np.int64)
        self._n_waiting = self._n_stored = 0
        self._last_user = -1
        self._users_ascend = True
        self._files = ExitStack()
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def __len__(self) -> int:
        return self._n_stored + self._n_waiting

    def add(
        self, users: np.ndarray, items: np.ndarray, times: np.ndarray, lines: np.ndarray
    ) -> None:
        """Take rows in the order of their file; each column: [n] int64."""
        if not len(users):
            return
        if self._users_ascend:
            ascend = users[0] >= self._last_user and bool((users[1:] >= users[:-1]).all())
            self._users_ascend, self._last_user = ascend, int(users[-1])
        done = 0
        while done < len(users):
            if self._n_waiting == len(self._waiting):
                self._store()
            room = self._waiting[self._n_waiting :]
            part = slice(done, done + len(room))
            for place, column in enumerate((users, items, times, lines)):
                room[: len(column[part]), place] = column[part]
            done += len(users[part])
            self._n_waiting += len(users[part])

    def _store(self) -> None:
        if self._file is None:
            file = tempfile.TemporaryFile()  # noqa: SIM115
            self._file = self._files.enter_context(file)
        self._waiting[: self._n_waiting].tofile(self._file)
        self._n_stored += self._n_waiting
        self._n_waiting = 0

    def parts(self) -> Iterator[np.ndarray]:
        """The rows by user, time and place in the file: whole users, users ascending.

        Yields:
            [n, 4] int64.
        """
        if self._file is None:
            yield _in_order(self._waiting[: self._n_waiting])
            return
        self._store()
        self._waiting = np.empty((0, N_COLUMNS), np.int64)  # its memory is for what is read now
        self._file.flush()
        ranges = _grouped(self._chunks()) if self._users_ascend else self._ranges()
        for rows in ranges:
            yield _in_order(rows)

    def _chunks(self) -> Iterator[np.ndarray]:
        assert self._file is not None
        self._file.seek(0)
        while len(rows := _read(self._file, IN_MEMORY_ROWS)):
            yield rows

    def _ranges(self) -> Iterator[np.ndarray]:
        """The rows of one range of users after the other, in the order of their file."""
        bounds = self._bounds()
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            paths = [folder / f"{place}.rows" for place in range(len(bounds) + 1)]
            files = [stack.enter_context(open(path, "wb")) for path in paths]
            for chunk in self._chunks():
                place = np.searchsorted(bounds, chunk[:, USER], side="right").astype(np.int16)
                ordered = chunk.take(np.argsort(place, kind="stable"), axis=0)
                cuts = np.cumsum(np.bincount(place, minlength=len(files)))[:-1]
                for file, part in zip(files, np.split(ordered, cuts), strict=True):
                    part.tofile(file)
            for path, file in zip(paths, files, strict=True):
                file.close()
                yield np.fromfile(path, np.int64).reshape(-1, N_COLUMNS)
                path.unlink()

    def _bounds(self) -> np.ndarray:
        """Users at which ranges begin: quantiles of a sample, for about half a memory each."""
        step = max(1, self._n_stored // SAMPLE_ROWS)
        # A copy, since a view would keep its whole chunk in memory.
        sampled = [rows[::step, USER].copy() for rows in self._chunks()]
        sample = np.sort(np.concatenate(sampled))
        n_ranges = min(-(-2 * self._n_stored // IN_MEMORY_ROWS), MAX_RANGES)
        return np.unique(sample[np.arange(1, n_ranges) * len(sample) // n_ranges])


def _read(file: IO[bytes], n_rows: int) -> np.ndarray:
    return np.fromfile(file, np.int64, n_rows * N_COLUMNS).reshape(-1, N_COLUMNS)


def _grouped(chunks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Chunks of rows by user, cut where a user ends."""
    rest = np.empty((0, N_COLUMNS), np.int64)
    for chunk in chunks:
        rows = np.concatenate([rest, chunk])
        cut = int(np.searchsorted(rows[:, USER], rows[-1, USER]))
        rest = rows[cut:]
        if cut:
            yield rows[:cut]
    yield rest


def _in_order(rows: np.ndarray) -> np.ndarray:
    """Sort by user and time; equal ones stay in the order of their file."""
    users, times = rows[:, USER].copy(), rows[:, TIME].copy()
    is_sorted = users[1:] > users[:-1]
    if not is_sorted.all():
        is_sorted |= (users[1:] == users[:-1]) & (times[1:] >= times[:-1])
    if is_sorted.all():
        return rows
    return rows.take(order_of(users, times), axis=0)  # several times as fast as an index


def order_of(users: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The rows by user and time; equal ones as they are.

    Args:
        users: [n] int64.
        times: [n] int64.

    Returns:
        [n] int64.
    """
    first_user, first_time = int(users.min()), int(times.min())
    if (times[1:] >= times[:-1]).all():
        return _order_by_digits(users - first_user, int(users.max()) - first_user)
    span = int(times.max()) - first_time + 1
    largest = (int(users.max()) - first_user + 1) * span
    if largest >= 2**63:
        return np.lexsort((times, users))
    return _order_by_digits((users - first_user) * span + (times - first_time), largest)


def _order_by_digits(keys: np.ndarray, largest: int) -> np.ndarray:
    """A stable order of whole numbers from 0 to `largest`, by their digits of 16 bits, last first.

    numpy sorts such digits in linear time.
    """
    order = np.argsort(keys.astype(np.uint16), kind="stable")
    for shift in range(16, largest.bit_length(), 16):
        digits = (keys >> shift).astype(np.uint16)
        order = order.take(np.argsort(digits.take(order), kind="stable"))
    return order
