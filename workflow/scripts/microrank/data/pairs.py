"""Interactions from raw files: lines `user<TAB>item item …`, oldest first (tsv), or rows `user,item,timestamp` under that header (csv).

Users come out in ascending order with their items oldest first, in portions of whole users, so that a file far larger than memory can
be split. A file whose users do not ascend is gathered and sorted first.
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
from microrank.data.raw_histories import Histories, check_histories, join
from microrank.errors import StudyError

log = logging.getLogger(__name__)

PROGRESS_EVERY_S = 5.0
IN_MEMORY_BYTES = (
    1 << 24
)  # a file up to this size is read once and gathered; a larger one is read first to see whether its users ascend
USERS_PER_PORTION = 1 << 16


def read_pairs(path: Path) -> pa.Table:
    """All interactions of one file as one table SPLIT, sorted by user, position.

    Raises:
        StudyError: names file, line and value of the first thing that is wrong.
    """
    return pa.concat_tables(histories.to_table() for histories in iter_histories([path]))


def iter_histories(paths: Sequence[Path]) -> Iterator[Histories]:
    """The interactions in portions of whole users, users ascending.

    Args:
        paths: one file, or two of the same interactions (say tsv and csv), which must agree on users, items and order.

    Raises:
        StudyError: names file, line and value of the first thing that is wrong, or the first user on whom two files differ.
    """
    return _agreeing(*paths) if len(paths) == 2 else _read(paths[0])


def _read(path: Path) -> Iterator[Histories]:
    """The checked histories of a file, users ascending."""
    start = next(read_blocks(path, block_bytes=1 << 12))
    is_csv = _is_csv(path, start[: start.index(b"\n")])
    _warn_of_a_cut(path)
    by_block = path.stat().st_size > IN_MEMORY_BYTES and _users_ascend(
        path, n_header_lines=int(is_csv)
    )
    parts = read_csv(path, by_block) if is_csv else read_tsv(path)
    if not (is_csv or by_block):
        parts = _ascending(list(parts))
    before, n_users, n_rows, told = None, 0, 0, time.monotonic()
    for portion in (portion for part in parts for portion in part.in_parts(USERS_PER_PORTION)):
        check_histories(portion, path, before)
        before = int(portion.users[-1]), int(portion.lines[-1])
        yield portion
        n_users, n_rows = n_users + len(portion.users), n_rows + len(portion.items)
        if time.monotonic() - told > PROGRESS_EVERY_S:
            told = time.monotonic()
            log.info("%s: %d users with %d interactions so far", path, n_users, n_rows)


def _ascending(parts: list[Histories]) -> Iterator[Histories]:
    users = np.concatenate([part.users for part in parts])
    return iter(parts if (users[1:] >= users[:-1]).all() else [join(parts).sorted_by_user()])


def _users_ascend(path: Path, n_header_lines: int) -> bool:
    last = -1
    for text in read_blocks(path):
        users = leading_numbers(text)[n_header_lines:]
        if len(users) and (users[0] < last or (users[1:] < users[:-1]).any()):
            return False
        last = users[-1] if len(users) else last
        n_header_lines = 0
    return True


def _warn_of_a_cut(path: Path) -> None:
    """Whole files may end so, too: only a checksum can tell."""
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        if file.read() not in (b"\n", b"\r"):
            log.warning(
                "%s: the last line has no line end: if the file was cut, its last item is wrong; declare its checksum to be sure",
                path,
            )


def _is_csv(path: Path, first_line: bytes) -> bool:
    if b"\t" not in first_line and first_line != CSV_HEADER:
        found = shown(first_line.decode("utf-8", errors="backslashreplace"))
        raise StudyError(
            f"{path}: line 1: found {found} where the header '{CSV_HEADER.decode()}' (csv) or a user, a tab and items separated by spaces "
            "(tsv) is expected"
        )
    return first_line == CSV_HEADER


def _agreeing(one: Path, other: Path) -> Iterator[Histories]:
    """The histories of `one`, once they are known to be those of `other`."""
    a, b = join(list(_read(one))), join(list(_read(other)))
    user = _first_difference(a, b)
    if user is not None:
        raise StudyError(
            f"{one} and {other} disagree: user {user} has {_items_of(user, a)} in the first and {_items_of(user, b)} in the second; "
            "name only the right one under `pairs`"
        )
    yield from a.in_parts(USERS_PER_PORTION)


def _first_difference(a: Histories, b: Histories) -> int | None:
    """The smallest user who is missing in one of the two, or whose items differ."""
    common = min(len(a.users), len(b.users))
    same = (a.users[:common] == b.users[:common]) & (a.lengths[:common] == b.lengths[:common])
    whole = int(same.argmin()) if not same.all() else common
    rows = int(a.lengths[:whole].sum())
    differing = np.flatnonzero(a.items[:rows] != b.items[:rows])
    if len(differing):
        return int(a.users[np.searchsorted(a.starts[:whole], differing[0], side="right") - 1])
    left = [int(one.users[whole]) for one in (a, b) if whole < len(one.users)]
    return min(left, default=None)


def _items_of(user: int, histories: Histories) -> str:
    index = int(np.searchsorted(histories.users, user))
    if index == len(histories.users) or histories.users[index] != user:
        return "no items"
    one = histories.part(index, index + 1)
    items = " ".join(str(item) for item in one.items[:8])
    return f"items {items}{' …' if len(one.items) > 8 else ''} (line {one.lines[0]})"
