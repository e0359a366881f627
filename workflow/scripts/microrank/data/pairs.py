"""Interactions from raw files: lines `user<TAB>item item …`, oldest first (tsv), or rows `user,item,timestamp` under that header (csv).

Users come out in ascending order with their items oldest first, in tables SPLIT of whole users, so that a file far larger than memory can
be split. A file whose users do not ascend is gathered and sorted first.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from microrank.data.blocks import read_blocks, shown
from microrank.data.histories import Histories, check_histories, join
from microrank.data.numbers import leading_numbers
from microrank.data.pairs_csv import CSV_HEADER, read_csv
from microrank.data.pairs_tsv import read_tsv
from microrank.errors import StudyError

USERS_PER_PART = 1 << 17


def read_pairs(path: Path) -> pa.Table:
    """All interactions of one file as one table SPLIT, sorted by user, position.

    Raises:
        StudyError: names file, line and value of the first thing that is wrong.
    """
    return pa.concat_tables(iter_pairs([path]))


def iter_pairs(paths: Sequence[Path]) -> Iterator[pa.Table]:
    """The interactions as tables SPLIT of whole users, users ascending.

    Args:
        paths: one file, or two of the same interactions (say tsv and csv), which must agree on users, items and order.

    Raises:
        StudyError: names file, line and value of the first thing that is wrong, or the first user on whom two files differ.
    """
    for histories in _agreeing(*paths) if len(paths) == 2 else _read_histories(paths[0]):
        yield histories.to_table()


def _read_histories(path: Path) -> Iterator[Histories]:
    """The checked histories of a file, users ascending."""
    is_csv, ascend = _survey(path)
    if is_csv:
        parts = read_csv(path, by_block=ascend)
    else:
        parts = read_tsv(path)
        if not ascend:
            parts = iter([join(list(parts)).sorted_by_user()])
    before = None
    for part in parts:
        check_histories(part, path, before)
        before = int(part.users[-1]), int(part.lines[-1])
        yield from part.in_parts(USERS_PER_PART)


def _survey(path: Path) -> tuple[bool, bool]:
    """Whether the file is a csv, and whether its users ascend."""
    is_csv, last = None, -1
    for block in read_blocks(path):
        users = leading_numbers(block.text)
        if is_csv is None:
            is_csv = _is_csv(path, block.text[: block.text.index(b"\n")])
            users = users[is_csv:]
        if len(users) and (users[0] < last or (users[1:] < users[:-1]).any()):
            return is_csv, False
        last = users[-1] if len(users) else last
    return bool(is_csv), True


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
    a, b = join(list(_read_histories(one))), join(list(_read_histories(other)))
    user = _first_difference(a, b)
    if user is not None:
        raise StudyError(
            f"{one} and {other} disagree: user {user} has {_items_of(user, a)} in the first and {_items_of(user, b)} in the second; "
            "name only the right one under `pairs`"
        )
    yield from a.in_parts(USERS_PER_PART)


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
