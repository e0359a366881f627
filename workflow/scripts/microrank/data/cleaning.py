"""What is left out of the interactions, and how much of each: repeats, cores, short histories."""

import pickle
import tempfile
from collections.abc import Callable, Iterator
from typing import IO

import numpy as np
import pyarrow as pa

from microrank.data.item_counts import ItemCounts
from microrank.data.problems import Problems
from microrank.data.raw_histories import RawHistories
from microrank.data.raw_settings import RawSettings

IN_MEMORY_BYTES = 1 << 26
Names = Callable[[np.ndarray], pa.Array]


def clean_histories(
    portions: Iterator[RawHistories],
    settings: RawSettings,
    problems: Problems,
    user_names: Names,
    item_names: Names,
) -> Iterator[RawHistories]:
    """Leave out what the settings say, portion by portion.

    Args:
        portions: users ascending, items oldest first.
        settings: `repeats`, `k_core` and `min_interactions`.
        problems: takes what was left out, or must not be there.
        user_names: gives users as they are written in the file.
        item_names: gives items so.
    """
    portions = (
        without_repeats(portion, settings, problems, user_names, item_names) for portion in portions
    )
    if settings.k_core is not None:
        portions = k_core(portions, settings, problems)
    for portion in portions:
        kept = without_short(portion, settings, problems, user_names)
        if len(kept.users):
            yield kept


def without_repeats(
    histories: RawHistories,
    settings: RawSettings,
    problems: Problems,
    user_names: Names,
    item_names: Names,
) -> RawHistories:
    """Keep the first or the last of several interactions of a user with an item."""
    repeats = repeating_users(histories)
    if not repeats.any():
        return histories
    users, items = histories.user_index, histories.items
    rows = np.flatnonzero(np.repeat(repeats, histories.lengths))
    rows = rows[np.lexsort((items[rows], users[rows]))]
    earlier, later = rows[:-1], rows[1:]
    is_same = (users[earlier] == users[later]) & (items[earlier] == items[later])
    earlier, later = earlier[is_same], later[is_same]
    lines = histories.row_lines
    if lines is None:
        lines = np.repeat(histories.lines, histories.lengths)
    examples = [
        f"user {user_names(histories.users[users[[row]]])[0]} and item "
        f"{item_names(items[[row]])[0]} on {_lines(*sorted((int(lines[first]), int(lines[row]))))}"
        for first, row in sorted(zip(earlier, later, strict=True), key=lambda pair: lines[pair[1]])[
            :2
        ]
    ]
    setting = f"`{settings.name}.repeats: %s`"
    others = "; `{}` and `error` are the other choices)"
    what_to_do = {
        "first": f"the first is kept ({setting % 'first'}{others.format('last')}",
        "last": f"the last is kept ({setting % 'last'}{others.format('first')}",
        "error": f"choose which to keep by {setting % 'first'} or {setting % 'last'}",
    }
    problems.add(
        "repeats",
        "interactions repeat a user and an item",
        what_to_do[settings.repeats],
        is_fatal=settings.repeats == "error",
        count=len(later),
        examples=examples,
    )
    is_kept = np.ones(len(items), bool)
    is_kept[earlier if settings.repeats == "last" else later] = False
    return histories.rows_where(is_kept)


def _lines(first: int, second: int) -> str:
    return f"line {first}" if first == second else f"lines {first} and {second}"


def without_short(
    histories: RawHistories, settings: RawSettings, problems: Problems, user_names: Names
) -> RawHistories:
    """Leave out users with fewer than `min_interactions` interactions."""
    is_short = histories.lengths < settings.min_interactions
    if not is_short.any():
        return histories
    rows = np.flatnonzero(is_short)[:2]
    names = user_names(histories.users[rows]).to_pylist()
    problems.add(
        "short_users",
        f"users have fewer than {settings.min_interactions} interactions",
        f"they are left out ({settings.name}.min_interactions)",
        is_fatal=False,
        count=int(is_short.sum()),
        examples=[
            f"user {name} on line {histories.lines[row]} has {histories.lengths[row]}"
            for name, row in zip(names, rows, strict=True)
        ],
    )
    return histories.users_where(~is_short)


def k_core(
    portions: Iterator[RawHistories], settings: RawSettings, problems: Problems
) -> Iterator[RawHistories]:
    """Leave out users and items until each has k interactions with what is left.

    Each round reads what the one before left, from memory or, where it is much, from disk.
    """
    k = settings.k_core or 0
    left = _kept(portions)
    sizes: list[int] = []
    while len(sizes) < 2 or sizes[-1] < sizes[-2]:
        counts, size = ItemCounts(), 0
        for portion in _read(left):
            counts.add(portion.items)
            size += len(portion.items)
        sizes.append(size)
        with left as before:
            left = _kept(_core_of(portion, counts, k) for portion in _read(before))
    problems.add(
        "k_core",
        f"interactions are outside the {k}-core",
        f"they are left out ({settings.name}.k_core)",
        is_fatal=False,
        count=sizes[0] - sizes[-1],
        examples=[],
    )
    with left:
        yield from _read(left)


def _kept(portions: Iterator[RawHistories]) -> IO[bytes]:
    file = tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115
    for portion in portions:
        pickle.dump(portion, file)
    return file


def _read(file: IO[bytes]) -> Iterator[RawHistories]:
    file.seek(0)
    while True:
        try:
            yield pickle.load(file)
        except EOFError:
            return


def _core_of(histories: RawHistories, counts: ItemCounts, k: int) -> RawHistories:
    kept = histories.rows_where(counts.of(histories.items) >= k)
    return kept.users_where(kept.lengths >= k)


def repeating_users(histories: RawHistories) -> np.ndarray:
    """[n_users] bool: who has an item twice.

    Users of one length make a matrix [length, n_users], whose rows are compared with each other.
    Where there are too many rows, or too few users, columns are sorted first, so that it is enough
    to compare neighbours.
    """
    # numpy sorts integers of 8 and 16 bits ten times faster.
    lengths = histories.lengths.astype(np.min_scalar_type(histories.lengths.max(initial=0)))
    by_length = np.argsort(lengths, kind="stable")
    starts, lengths = histories.starts[by_length], lengths[by_length]
    groups = np.flatnonzero(np.diff(lengths, prepend=0))
    repeats = np.zeros(len(starts), bool)
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
                repeats[by_length[first:last]] |= same.any(axis=0)
    return repeats
