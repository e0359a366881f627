"""What a study of n users could have shown.

Without this, "no difference found" says nothing.
"""

import numpy as np
from scipy.special import bdtr, bdtrik, gammaln, ndtri, xlog1py, xlogy

# Probability, on either side, of the numbers of differing users that are left out of the sum.
_OUTSIDE = 1e-9


def mcnemar_power(n: int, differing: float, difference: float, level: float = 0.05) -> float:
    """Compute how often the exact McNemar test of n paired users has p <= `level`.

    It is a sum over t, the number of users who differ, which is binomial with n and d. Each term
    is the probability that the wins among them, binomial with t and (1 + δ/d)/2, or the losses
    fall into the test's tails (Duffy, Asymptotic and exact power for the McNemar test and its
    analogue with R controls per case, Biometrics 40, 1984).

    Args:
        n: Number of users.
        differing: d, the share of users who are a hit for one of the two methods only.
        difference: δ, by which the true hit rates differ; |δ| <= d.
        level: Significance level of the test.
    """
    if n == 0 or differing <= 0:
        return 0.0
    low, high = _quantile(_OUTSIDE, n, differing), _quantile(1 - _OUTSIDE, n, differing)
    t = np.arange(int(low), int(high) + 1)
    # At most `tail` wins, or losses, are significant.
    tail = _quantile(level / 2, t, 0.5)
    tail -= 2 * _at_most(tail, t, 0.5) > level
    share_of_wins = (1 + difference / differing) / 2
    rejected = _at_most(tail, t, share_of_wins) + _at_most(tail, t, 1 - share_of_wins)
    return float(_exactly(t, n, differing) @ rejected)


# The binomial distribution comes from scipy.special: scipy.stats takes longer to import than all
# else that a report needs.


def _at_most(k: np.ndarray, n: np.ndarray, p: float) -> np.ndarray:
    return np.where(k < 0, 0.0, bdtr(np.maximum(k, 0), n, p))


def _exactly(k: np.ndarray, n: int, p: float) -> np.ndarray:
    return np.exp(
        gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1) + xlogy(k, p) + xlog1py(n - k, -p)
    )


def _quantile(q: float, n: np.ndarray | int, p: float) -> np.ndarray:
    """Return the smallest k with P(at most k) >= q."""
    k = np.ceil(np.nan_to_num(bdtrik(q, n, p)))  # bdtrik gives NaN for no draws; k is 0 there
    below = np.maximum(k - 1, 0)
    return np.where(bdtr(below, n, p) >= q, below, k)


def detectable_difference(
    n: int, differing: float, level: float = 0.05, power: float = 0.8
) -> float:
    """Compute the smallest difference of two hit rates that n paired users show with this power.

    Args:
        n: Number of users.
        differing: The share of users who are a hit for one of the two methods only.
        level: Significance level of the test.
        power: Probability of finding the difference, by `mcnemar_power`.

    Returns:
        NaN where even the largest possible difference, `differing`, is not found so often.
    """
    if mcnemar_power(n, differing, differing, level) < power:
        return float("nan")
    low, high = 0.0, differing
    while high - low > 1e-6 * differing:
        middle = (low + high) / 2
        low, high = (
            (low, middle) if mcnemar_power(n, differing, middle, level) >= power else (middle, high)
        )
    return high


def users_needed(
    difference: float, differing: float, level: float = 0.05, power: float = 0.8
) -> int:
    """Compute about how many paired users show `difference` with this power.

    One user more may lower the power of an exact test a little, so another number close by may do
    too.

    Args:
        difference: Difference of the true hit rates, above 0 and at most `differing`.
        differing: The share of users who are a hit for one of the two methods only.
        level: Significance level of the test.
        power: Probability of finding the difference.
    """
    low, high = 0, 1
    while mcnemar_power(high, differing, difference, level) < power:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (
            (low, middle)
            if mcnemar_power(middle, differing, difference, level) >= power
            else (middle, high)
        )
    return high


def excludable_margin(n: int, differing: float, level: float = 0.05, power: float = 0.8) -> float:
    """Compute the smallest margin that n paired users exclude where two methods are equal.

    margin = (z₁ + z₂) · √(d / n): `users_for_equivalence`, solved for the margin.

    Args:
        n: Number of users, above 0.
        differing: d, the share of users who are a hit for one of the two methods only.
        level: Significance level of each of the two one-sided tests.
        power: Probability of showing that the difference is smaller.
    """
    return _z_of_equivalence(level, power) * float(np.sqrt(differing / n))


def users_for_equivalence(
    differing: float, margin: float, level: float = 0.05, power: float = 0.8
) -> int:
    """Compute about how many paired users show that two equal methods differ by less than a margin.

    n = (z₁ + z₂)² · d / margin², with z₁ of 1 − level and z₂ of (1 + power) / 2: both one-sided
    tests must reject (Liu, Hsueh, Hsieh and Chen, Tests for equivalence or non-inferiority for
    paired binary data, Statistics in Medicine 21, 2002).

    Args:
        differing: d, the share of users who are a hit for one of the two methods only.
        margin: Difference of hit rates below which they are as good as equal.
        level: Significance level of each of the two one-sided tests.
        power: Probability of showing it.
    """
    return int(np.ceil(_z_of_equivalence(level, power) ** 2 * differing / margin**2))


def _z_of_equivalence(level: float, power: float) -> float:
    return float(ndtri(1 - level) + ndtri((1 + power) / 2))


def unrelated_discordance(n_listed: int, n_users: int, cutoff: int, k: int, n_hits: int) -> float:
    """Compute the share of users who would differ if an order had nothing to do with the lists.

    An order drawn at random puts a listed item among its first N with probability N/k. Of the
    recommender's h hits it loses h(1 − N/k), and of the other listed items it wins (l − h)N/k.

    Args:
        n_listed: l, users whose list holds the held-out item.
        n_users: All users.
        cutoff: N.
        k: Length of the lists.
        n_hits: h, hits of the recommender.
    """
    share = cutoff / k
    return (n_hits * (1 - share) + (n_listed - n_hits) * share) / n_users
