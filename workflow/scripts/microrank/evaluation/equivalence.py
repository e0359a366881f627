"""Whether two methods on the same users are as good as equal."""

import numpy as np
from scipy.special import ndtr, ndtri

_STEPS = 60  # halvings of an interval of length 1: beyond what a float64 can tell


def score_statistic(wins: int, losses: int, n: int, difference: float) -> float:
    """Compute Tango's score statistic of a difference δ of two paired shares.

    z(δ) = (b − c − nδ) / √(n(2q + δ(1 − δ))), with b wins and c losses. q is the share of losses
    that is most likely if the true difference is δ: q = (√(B² − 4AC) − B) / 2A with A = 2n, B = −b
    − c + (2n − b + c)δ and C = −cδ(1 − δ) (Tango, Equivalence test and confidence interval for the
    difference in proportions for the paired-sample design, Statistics in Medicine 17, 1998).

    Args:
        wins: Users who are a hit for the method only.
        losses: Users who are a hit for the baseline only.
        n: All users.
        difference: δ, between −1 and 1.
    """
    a = 2 * n
    b = -wins - losses + (2 * n - wins + losses) * difference
    c = -losses * difference * (1 - difference)
    q = (np.sqrt(max(b * b - 4 * a * c, 0)) - b) / (2 * a)
    distance = wins - losses - n * difference
    variance = n * (2 * q + difference * (1 - difference))
    if variance <= 0:  # every user is a win, or none differs and δ is 0
        return float(np.sign(distance) * np.inf) if abs(distance) > 1e-9 else 0.0
    return float(distance / np.sqrt(variance))


def tango_interval(wins: int, losses: int, n: int, confidence: float = 0.9) -> tuple[float, float]:
    """Compute Tango's score interval of the difference of two paired shares.

    It holds the differences that the score test does not reject.

    Args:
        wins: Users who are a hit for the method only.
        losses: Users who are a hit for the baseline only.
        n: All users; with none, the interval is (−1, 1).
        confidence: Confidence level of the interval.
    """
    return score_interval(wins, losses, n, float(ndtri((1 + confidence) / 2)))


def score_interval(wins: int, losses: int, n: int, z: float) -> tuple[float, float]:
    """Compute the differences whose score statistic lies within ± z.

    Args:
        wins: Users who are a hit for the method only.
        losses: Users who are a hit for the baseline only.
        n: All users; with none, the interval is (−1, 1).
        z: Above 0.
    """
    if n == 0:
        return -1.0, 1.0
    estimate = (wins - losses) / n
    low = _boundary(wins, losses, n, z, outside=-1.0, inside=estimate)
    high = _boundary(wins, losses, n, -z, outside=1.0, inside=estimate)
    return low, high


def equivalence_p_value(wins: int, losses: int, n: int, margin: float) -> float:
    """Compute the p-value of two one-sided tests that the difference lies within ± margin.

    It is the larger of the two (Schuirmann, A comparison of the two one-sided tests procedure and
    the power approach, Journal of Pharmacokinetics and Biopharmaceutics 15, 1987). It is at most
    .05 where the 90 % interval of `tango_interval` lies within the margin.

    Args:
        wins: Users who are a hit for the method only.
        losses: Users who are a hit for the baseline only.
        n: All users.
        margin: Above 0.
    """
    if n == 0:
        return 1.0
    not_below = ndtr(-score_statistic(wins, losses, n, -margin))
    not_above = ndtr(score_statistic(wins, losses, n, margin))
    return float(max(not_below, not_above))


def _boundary(wins: int, losses: int, n: int, z: float, *, outside: float, inside: float) -> float:
    """Return the difference at which the statistic is z. It falls as the difference grows."""
    for _ in range(_STEPS):
        middle = (outside + inside) / 2
        statistic = score_statistic(wins, losses, n, middle)
        rejected = statistic > z if z > 0 else statistic < z
        outside, inside = (middle, inside) if rejected else (outside, middle)
    return inside
