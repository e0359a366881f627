"""The mean of a few whole numbers, such as a user's gain on one list less that on another.

Tango's score test of a paired difference is the special case of the numbers −1, 0 and 1 (Tango
1998). Here the numbers go from −2 to 2: the same test, with the likeliest shares found numerically.
"""

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

LARGEST = 2
VALUES = np.arange(-LARGEST, LARGEST + 1)
NEAR = 1e-9  # how near to an end of a range a root is looked for


def count_values(changes: np.ndarray) -> np.ndarray:
    """Count users by their change: [5] of −2, −1, 0, 1, 2."""
    return np.bincount(np.asarray(changes, np.int64) + LARGEST, minlength=len(VALUES))


def mean_score_statistic(counts: np.ndarray, mean: float) -> float:
    """Compute the score statistic of a mean: its distance in standard errors under that mean.

    The variance is that of the shares p which are likeliest among those with this mean: p_j =
    c_j / (n·(1 + t·(v_j − mean))). Where no t gives the mean, the rest lies at the extreme value,
    seen or not.

    Args:
        counts: [5], from `count_values`.
        mean: Between −2 and 2.
    """
    n = int(counts.sum())
    distance = VALUES - mean
    shares = _likeliest(counts / n, distance)
    variance = float(shares @ distance**2)
    seen = float(counts @ VALUES) / n - mean
    return seen / np.sqrt(variance / n) if variance > 0 else float(np.sign(seen) * np.inf)


def _likeliest(seen: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """The shares with Σ p·distance = 0 of the largest likelihood, [5]."""
    low, high = -1 / distance[-1], -1 / distance[0]

    def tilted(t: float) -> np.ndarray:
        return np.divide(seen, 1 + t * distance, out=np.zeros(len(seen)), where=seen > 0)

    def mean(t: float) -> float:
        return float(tilted(t) @ distance)

    inner_low, inner_high = low * (1 - NEAR), high * (1 - NEAR)
    if mean(inner_low) < 0:
        return _with_rest(tilted(inner_low), -1)
    if mean(inner_high) > 0:
        return _with_rest(tilted(inner_high), 0)
    return tilted(float(brentq(mean, inner_low, inner_high, xtol=1e-14)))


def _with_rest(shares: np.ndarray, place: int) -> np.ndarray:
    shares[place] += 1 - shares.sum()
    return shares


def mean_interval(counts: np.ndarray, confidence: float) -> tuple[float, float]:
    """Compute the means that the score test does not reject.

    Args:
        counts: [5], from `count_values`; without users, the interval is (−2, 2).
        confidence: Confidence level.
    """
    n = int(counts.sum())
    if not n:
        return -float(LARGEST), float(LARGEST)
    z, mean = float(ndtri((1 + confidence) / 2)), float(counts @ VALUES) / n
    return _end(counts, mean, -LARGEST, z), _end(counts, mean, LARGEST, -z)


def _end(counts: np.ndarray, inside: float, outside: float, z: float) -> float:
    """The mean between `inside` and `outside` whose statistic is z; `outside` if there is none."""
    outermost, start = outside * (1 - NEAR), inside + (outside - inside) * NEAR

    def over(mean: float) -> float:
        return mean_score_statistic(counts, mean) - z

    if over(outermost) * np.sign(z) < 0 or abs(inside) >= LARGEST * (1 - NEAR):
        return float(outside if np.sign(outside) != np.sign(inside) else inside)
    return float(brentq(over, start, outermost))


def mean_equivalence_p_value(counts: np.ndarray, margin: float) -> float:
    """Compute the p-value of two one-sided tests that the mean lies within ± margin.

    It is the larger of the two (Schuirmann 1987).

    Args:
        counts: [5], from `count_values`.
        margin: Above 0.
    """
    if not counts.sum():
        return 1.0
    not_below = ndtr(-mean_score_statistic(counts, -margin))
    not_above = ndtr(mean_score_statistic(counts, margin))
    return float(max(not_below, not_above))
