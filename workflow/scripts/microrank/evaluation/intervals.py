"""Intervals of a share that was seen in n users."""

import numpy as np
from scipy.special import ndtri, stdtrit


def wilson_interval(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Compute Wilson's score interval of a share.

    It holds its level for few users and near 0 and 1, where the usual ± does not (Wilson, Probable
    inference, the law of succession, and statistical inference, JASA 22, 1927).

    Args:
        successes: Number of users for whom it is true.
        n: Number of all users; with none, the interval is (0, 1).
        confidence: Confidence level of the interval.
    """
    if n == 0:
        return 0.0, 1.0
    z = ndtri((1 + confidence) / 2)
    share = successes / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    # 0 and n successes give exactly 0 and 1 as bounds, which rounding would miss.
    low = 0.0 if successes == 0 else float(centre - half)
    high = 1.0 if successes == n else float(centre + half)
    return low, high


def newcombe_interval(
    successes: int, n: int, other_successes: int, other_n: int, confidence: float = 0.95
) -> tuple[float, float]:
    """Compute the interval of the difference of two shares of different users.

    Newcombe's hybrid of the two Wilson intervals l, u goes from d − √((p₁ − l₁)² + (u₂ − p₂)²) to
    d + √((u₁ − p₁)² + (p₂ − l₂)²) (method 10 in Newcombe, Interval estimation for the difference
    between independent proportions, Statistics in Medicine 17, 1998).

    Args:
        successes: Successes of the first group.
        n: Its size.
        other_successes: Successes of the second group, whose share is subtracted.
        other_n: Its size.
        confidence: Confidence level of the interval.
    """
    low, high = wilson_interval(successes, n, confidence)
    other_low, other_high = wilson_interval(other_successes, other_n, confidence)
    share, other_share = successes / n, other_successes / other_n
    difference = share - other_share
    below = float(np.hypot(share - low, other_high - other_share))
    above = float(np.hypot(high - share, other_share - other_low))
    return difference - below, difference + above


def of_finite_population(
    value: float, low: float, high: float, n: int, population: int
) -> tuple[float, float]:
    """Narrow the interval of a mean where the users were drawn from those whom it is about.

    They are drawn without replacement and known exactly. So the distances to `value` shrink by
    √((N − n)/(N − 1)), the finite population correction of the standard error (Cochran, Sampling
    techniques, 1977, section 2.6). With n = N nothing is left to chance.

    Args:
        value: The mean.
        low: Lower end of its interval.
        high: Upper end of its interval.
        n: Number of users drawn.
        population: N, the number of users from whom they were drawn.
    """
    factor = float(np.sqrt((population - n) / max(population - 1, 1)))
    return value - factor * (value - low), value + factor * (high - value)


def prediction_interval(
    mean: float, sd: float, n: int, confidence: float = 0.95
) -> tuple[float, float]:
    """Compute where one more run falls: mean ± t·sd·√(1 + 1/n), for normal figures.

    (Hahn and Meeker, Statistical intervals, 1991, section 4.8.)

    Args:
        mean: Over the runs.
        sd: Their standard deviation.
        n: Number of runs, at least 2.
        confidence: Confidence level of the interval.
    """
    half = float(stdtrit(n - 1, (1 + confidence) / 2)) * sd * float(np.sqrt(1 + 1 / n))
    return mean - half, mean + half
