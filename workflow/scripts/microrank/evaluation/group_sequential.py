"""Planned looks at growing numbers of users: what each look may spend of the error.

Whoever tests again and again at .05 finds something in far more than one of twenty studies of
nothing. Here all looks together share the error (Lan and DeMets, Discrete sequential boundaries for
clinical trials, Biometrika 70, 1983). Statistics of growing numbers are a Brownian motion, seen at
the fractions of users so far; its density below the boundaries is integrated from look to look
(Armitage, McPherson and Rowe, Repeated significance tests on accumulating data, Journal of the
Royal Statistical Society A 132, 1969).
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

_FAR = 9.0  # standard deviations below which no path is followed
_FEWEST, _MOST = 128, 2048  # nodes of an integral
_LARGEST = 40.0  # a boundary that no statistic crosses
_STEPS = 30  # halvings of the logarithm of a p-value
_LEAST_P, _LARGEST_P = 1e-12, 0.3  # the boundaries grow with the level up to about .3

Fractions = Sequence[float] | np.ndarray


def spent(fraction: float, level: float) -> float:
    """Return the error spent at a fraction of the users: 2 − 2Φ(z / √t), z of level / 2.

    Lan and DeMets' function that resembles the boundaries of O'Brien and Fleming: hardly anything
    is spent early, so that the last look is nearly that of a study with one look.

    Args:
        fraction: t, of all users who are planned; above 0.
        level: Significance level of all looks together, one-sided.
    """
    return float(2 * ndtr(ndtri(level / 2) / np.sqrt(fraction)))


def boundaries(fractions: Fractions, level: float) -> np.ndarray:
    """Return the values that a standard normal statistic must reach at each look, [n_looks].

    Args:
        fractions: Shares of all planned users, growing, above 0 and at most 1.
        level: Significance level of all looks together, one-sided.
    """
    bounds: list[float] = []
    paths = _Paths(np.zeros(1), np.ones(1))  # the motion starts at 0
    before, spent_before = 0.0, 0.0
    for place, fraction in enumerate(fractions):
        deviation = float(np.sqrt(fraction - before))
        bound = _boundary(paths, deviation, fraction, spent(fraction, level) - spent_before)
        bounds.append(bound)
        if place + 1 < len(fractions):
            paths = _below(paths, deviation, bound, fraction, fractions[place + 1] - fraction)
        before, spent_before = fraction, spent(fraction, level)
    return np.array(bounds)


class _Paths(NamedTuple):
    """Paths that crossed no boundary: places, and the share of paths at each."""

    places: np.ndarray
    shares: np.ndarray


def _boundary(paths: _Paths, deviation: float, fraction: float, error: float) -> float:
    """Return the boundary that `error` of all paths cross at a look.

    Args:
        paths: At the look before.
        deviation: Standard deviation of the steps between the looks.
        fraction: Share of users at this look.
        error: What this look may spend.
    """

    def excess(bound: float) -> float:
        above = ndtr((paths.places - bound * np.sqrt(fraction)) / deviation)
        return float(paths.shares @ above) - error

    if not excess(0) > 0 > excess(_LARGEST):
        return _LARGEST
    return float(brentq(excess, 0, _LARGEST))


def _below(
    paths: _Paths, deviation: float, bound: float, fraction: float, next_step: float
) -> _Paths:
    """Follow the paths to a look, below its boundary.

    Args:
        paths: At the look before.
        deviation: Standard deviation of the steps between the looks.
        bound: The boundary at this look.
        fraction: Share of users at this look.
        next_step: Fraction of users until the next look; the places lie close enough for it.
    """
    low, high = -_FAR * np.sqrt(fraction), min(bound, _FAR) * np.sqrt(fraction)
    wanted = int(6 * (high - low) / np.sqrt(next_step))
    x, weights = _gauss_legendre(min(max(wanted, _FEWEST), _MOST))
    places = low + (x + 1) / 2 * (high - low)
    z = (places[:, None] - paths.places[None, :]) / deviation
    kernel = np.exp(-(z**2) / 2) / (np.sqrt(2 * np.pi) * deviation)
    return _Paths(places, (kernel @ paths.shares) * weights * (high - low) / 2)


@cache
def _gauss_legendre(n: int) -> tuple[np.ndarray, np.ndarray]:
    x, weights = np.polynomial.legendre.leggauss(n)
    return x, weights


def nominal_levels(fractions: Fractions, level: float, sides: int) -> np.ndarray:
    """Return at or below which a p-value counts at each look, [n_looks].

    Args:
        fractions: Shares of all planned users, growing.
        level: Significance level of all looks together.
        sides: Number of sides of the test, 1 or 2. Two sides share the level.
    """
    return sides * ndtr(-boundaries(fractions, level / sides))


def sequential_p(p_values: Sequence[float], fractions: Fractions, sides: int) -> float:
    """Return the smallest level at which any look so far would have counted.

    It is a p-value over all looks: at most `level` with at most this probability, whenever one
    stops (Liu and Anderson, On adaptive extensions of group sequential trials for clinical
    investigations, Journal of the American Statistical Association 103, 2008). So several
    comparisons can be corrected by Holm's procedure.

    Args:
        p_values: p-values of the test at each look so far.
        fractions: Shares of all planned users, at these looks.
        sides: Number of sides of the test, 1 or 2.
    """
    p = np.array(p_values)

    def counts(level: float) -> bool:
        return bool((p <= nominal_levels(fractions, level, sides)).any())

    low, high = np.log(_LEAST_P), np.log(_LARGEST_P)
    if not counts(_LARGEST_P):
        return 1.0
    if counts(_LEAST_P):
        return _LEAST_P
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if counts(float(np.exp(middle))) else (middle, high)
    return float(np.exp(high))
