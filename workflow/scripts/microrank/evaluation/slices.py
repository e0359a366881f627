"""Groups of users: by the length of the history and the popularity of the held-out item."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

LEVELS = 3


class Slice(NamedTuple):
    """A group of users.

    Attributes:
        by: What the users are told apart by.
        name: Of the group, with its range.
        is_in: Whether a user is in it, [n_users].
    """

    by: str
    name: str
    is_in: np.ndarray


def slices_of(lengths: np.ndarray, taken: np.ndarray) -> list[Slice]:
    """Cut users into thirds by the history's length, and by the held-out item's popularity.

    Users whose held-out item nobody took before are a group of their own. Thirds are of the users;
    where many have the same number, groups differ in size, and one that is empty is left out.

    Args:
        lengths: [n_users], items of each history.
        taken: [n_users], how often the held-out item was taken before.
    """
    is_new = taken == 0
    slices = _thirds("history", "items", lengths, np.ones(len(lengths), bool))
    if is_new.any():
        slices.append(Slice("held-out item", "new: nobody took it before", is_new))
    return slices + _thirds("held-out item", "times taken", taken, ~is_new)


def _thirds(by: str, unit: str, values: np.ndarray, counted: np.ndarray) -> list[Slice]:
    if not counted.any():
        return []
    cuts = np.quantile(values[counted], np.arange(1, LEVELS) / LEVELS, method="inverted_cdf")
    level = np.searchsorted(cuts, values, side="left")
    groups = [counted & (level == number) for number in range(LEVELS)]
    return [Slice(by, f"{unit}: {_range(values[is_in])}", is_in) for is_in in groups if is_in.any()]


def _range(values: np.ndarray) -> str:
    low, high = int(values.min()), int(values.max())
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def sizes(slices: list[Slice]) -> Mapping[str, int]:
    """Name of each group -> its users."""
    return {f"{group.by}, {group.name}": int(group.is_in.sum()) for group in slices}
