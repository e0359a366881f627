"""Studies whose truth is known: wins and losses are drawn, nobody is asked."""

from collections.abc import Sequence

import numpy as np
from microrank.settle.looks import Seen


class Planted:
    """Users of whom a known share is a hit for one of the two only.

    Args:
        seed: Of the draw.
        differing: Share of users who are a hit for one of the two only.
        differences: Method -> the true difference of hit rates.
        n: All users.
    """

    def __init__(self, seed: int, differing: float, differences: dict[str, float], n: int) -> None:
        self.random = np.random.default_rng(seed)
        self.outcomes = {}
        for method, difference in differences.items():
            shares = [(differing + difference) / 2, (differing - difference) / 2, 1 - differing]
            self.outcomes[method] = self.random.choice([1, -1, 0], size=n, p=shares)
        self.asked: list[tuple[int, tuple[str, ...]]] = []

    def see(self, n: int, methods: Sequence[str]) -> dict[str, Seen]:
        """Return what is seen of these methods among the first n users."""
        self.asked.append((n, tuple(methods)))
        return {method: self.seen(method, n) for method in methods}

    def seen(self, method: str, n: int, problem: str | None = None) -> Seen:
        """Return what is seen of one method."""
        outcomes = self.outcomes[method][:n]
        wins, losses = int((outcomes > 0).sum()), int((outcomes < 0).sum())
        hits = n // 2
        return Seen(n, hits + wins - losses, hits, wins, losses, problem, answers=n, tokens=9 * n)
