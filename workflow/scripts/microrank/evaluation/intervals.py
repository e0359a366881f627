"""Intervals of a share that was seen in n users."""

import numpy as np
from scipy.special import ndtri, stdtrit


def wilson_interval(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share; it holds its level for few users and near 0 and 1, where the usual ± does not.

    (Wilson, Probable inference, the law of succession, and statistical inference, JASA 22, 1927.) With no users it is (0, 1).
    """
    if n == 0:
        return 0.0, 1.0
    z = ndtri((1 + confidence) / 2)
    share = successes / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    # 0 and n successes give exactly 0 and 1 as bounds, which rounding would miss.
    return (0.0 if successes == 0 else float(centre - half)), (
        1.0 if successes == n else float(centre + half)
    )


def newcombe_interval(
    successes: int, n: int, other_successes: int, other_n: int, confidence: float = 0.95
) -> tuple[float, float]:
    """Interval of the difference of two shares, the first less the other, that were seen in different users.

    Newcombe's hybrid of the two Wilson intervals l, u: d − √((p₁ − l₁)² + (u₂ − p₂)²) to d + √((u₁ − p₁)² + (p₂ − l₂)²) (method 10 in
    Newcombe, Interval estimation for the difference between independent proportions, Statistics in Medicine 17, 1998).
    """
    (low, high), (other_low, other_high) = (
        wilson_interval(successes, n, confidence),
        wilson_interval(other_successes, other_n, confidence),
    )
    share, other = successes / n, other_successes / other_n
    difference = share - other
    return difference - float(np.hypot(share - low, other_high - other)), difference + float(
        np.hypot(high - share, other - other_low)
    )


def of_finite_population(
    value: float, low: float, high: float, n: int, population: int
) -> tuple[float, float]:
    """The interval low…high of a mean over n users, if these were drawn without replacement from a `population` that it is to tell of.

    What was drawn is known exactly, so the distances to `value` shrink by √((N − n)/(N − 1)), the finite population correction of the
    standard error (Cochran, Sampling techniques, 1977, section 2.6); with n = N nothing is left to chance.
    """
    factor = float(np.sqrt((population - n) / max(population - 1, 1)))
    return value - factor * (value - low), value + factor * (high - value)


def prediction_interval(
    mean: float, sd: float, n: int, confidence: float = 0.95
) -> tuple[float, float]:
    """Where one more run falls, after n >= 2 runs with this mean and standard deviation: mean ± t·sd·√(1 + 1/n), for normal figures.

    (Hahn and Meeker, Statistical intervals, 1991, section 4.8.)
    """
    half = float(stdtrit(n - 1, (1 + confidence) / 2)) * sd * float(np.sqrt(1 + 1 / n))
    return mean - half, mean + half
