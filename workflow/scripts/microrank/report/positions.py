"""How often the held-out item ends near the top, by the position where it stood: points with as many users as an interval needs."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from microrank.evaluation.intervals import wilson_interval

LEAST_USERS = 15  # a point of fewer has a 95 % interval wider than ±.22


class Point(NamedTuple):
    """Slots low…high: `users` had their held-out item there, `hits` of them are a hit. Without users: rate None, interval (0, 1)."""

    low: int
    high: int
    hits: int
    users: int
    rate: float | None
    ci_low: float
    ci_high: float


def position_bins(diagnostics: Mapping[str, Any]) -> list[tuple[int, int]]:
    """First and last position of each point: a position by itself where enough users had their held-out item there, else as many as it takes.

    The last bin has what is left, so only where all users are fewer than LEAST_USERS is there a point of fewer.
    """
    found = next(iter(diagnostics["methods"].values()), None)
    users = found["by_recommender_position"]["users"] if found else [0] * int(diagnostics["k"])
    ends, gathered = [0], 0
    for position, here in enumerate(users, start=1):
        gathered += here
        if gathered >= LEAST_USERS:
            ends, gathered = [*ends, position], 0
    if ends[-1] != len(users):
        ends = [*ends[:-1], len(users)] if len(ends) > 1 else [0, len(users)]
    return [(low + 1, high) for low, high in pairwise(ends)]


def position_curve(
    by_position: Mapping[str, list[int]], bins: list[tuple[int, int]], confidence: float
) -> list[Point]:
    """A point for each bin of positions, with Wilson's interval. by_position: `users` and `hits` of positions 1…k."""
    points = []
    for low, high in bins:
        hits, users = (sum(by_position[name][low - 1 : high]) for name in ("hits", "users"))
        points.append(
            Point(
                low,
                high,
                hits,
                users,
                hits / users if users else None,
                *wilson_interval(hits, users, confidence),
            )
        )
    return points


def range_text(low: int, high: int) -> str:
    """`3`, or `1–5`."""
    return str(low) if low == high else f"{low}–{high}"
