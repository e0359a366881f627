"""Interactions from raw files: the one way in.

A file holds lines `user<TAB>item item …`, oldest item first (tsv), or rows `user,item,timestamp`
under that header (csv). Each format has its own parser. What it reads goes one way:

    blocks of lines -> raw histories -> users in ascending order -> portions -> checks

Portions hold whole users, so that a file far larger than memory can be split. A file whose users
do not ascend is gathered and sorted first.
"""

import logging
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from microrank.data.digit_scanner import leading_numbers
from microrank.data.line_blocks import read_blocks, shown
from microrank.data.pairs_csv import CSV_HEADER, read_csv
from microrank.data.pairs_tsv import read_tsv
from microrank.data.raw_histories import RawHistories, check_histories, join
from microrank.errors import StudyError

log = logging.getLogger(__name__)

PROGRESS_EVERY_S = 5.0
# A smaller file is read once and gathered. A larger one is read first to see if its users ascend.
IN_MEMORY_BYTES = 1 << 24
USERS_PER_PORTION = 1 << 16


def read_pairs(path: Path) -> pa.Table:
    """Read one file into a table SPLIT, sorted by user, position.

    Args:
        path: the file.

    Raises:
        StudyError: names file, line and value of the first thing that is wrong.
    """
    return pa.concat_tables(histories.to_table() for histories in iter_histories([path]))


def iter_histories(paths: Sequence[Path]) -> Iterator[RawHistories]:
    """Read interactions in portions of whole users, users ascending.

    Args:
        paths: one file, or two of the same interactions (say tsv and csv), which must agree on
            users, items and order.

    Raises:
        StudyError: names file, line and value of the first thing that is wrong, or the first user
            on whom two files differ.
    """
    if len(paths) == 2:
        return _read_agreeing(*paths)
    return _read(paths[0])


def _read(path: Path) -> Iterator[RawHistories]:
    """Read one file: users ascending, every portion checked."""
    previous_user: tuple[int, int] | None = None
    for portion in _with_progress(path, _portions(_parse(path))):
        check_histories(portion, path, previous_user)
        previous_user = int(portion.users[-1]), int(portion.lines[-1])
        yield portion


def _parse(path: Path) -> Iterator[RawHistories]:
    """The histories of a file as its format says, users ascending."""
    start = next(read_blocks(path, block_bytes=1 << 12))
    is_csv = _is_csv(path, start[: start.index(b"\n")])
    _warn_of_a_cut(path)
    is_large = path.stat().st_size > IN_MEMORY_BYTES
    by_block = is_large and _users_ascend(path, n_header_lines=int(is_csv))
    if is_csv:
        return read_csv(path, by_block)
    return read_tsv(path) if by_block else _ascending(list(read_tsv(path)))


def _ascending(parts: list[RawHistories]) -> Iterator[RawHistories]:
    users = np.concatenate([part.users for part in parts])
    if (users[1:] >= users[:-1]).all():
        return iter(parts)
    return iter([join(parts).sorted_by_user()])


def _users_ascend(path: Path, n_header_lines: int) -> bool:
    last_user = -1
    for text in read_blocks(path):
        users = leading_numbers(text)[n_header_lines:]
        n_header_lines = 0
        if not len(users):
            continue
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


def _is_csv(path: Path, first_line: bytes) -> bool:
    if b"\t" not in first_line and first_line != CSV_HEADER:
        line = shown(first_line.decode("utf-8", errors="backslashreplace"))
        raise StudyError(
            f"{path}: line 1: found {line} where the header '{CSV_HEADER.decode()}' (csv) or a "
            "user, a tab and items separated by spaces (tsv) is expected"
        )
    return first_line == CSV_HEADER


def _read_agreeing(first_path: Path, second_path: Path) -> Iterator[RawHistories]:
    """Read two files of the same interactions; refuse them where they differ."""
    first, second = join(list(_read(first_path))), join(list(_read(second_path)))
    user = _first_difference(first, second)
    if user is not None:
        raise StudyError(
            f"{first_path} and {second_path} disagree: user {user} has {_items_of(user, first)} "
            f"in the first and {_items_of(user, second)} in the second; name only the right one "
            "under `pairs`"
        )
    yield from first.in_parts(USERS_PER_PORTION)


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
