"""Intervals of a share that was seen in n users."""

import numpy as np
from scipy.special import ndtri


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
    return (0.0 if successes == 0 else float(centre - half)), (1.0 if successes == n else float(centre + half))
