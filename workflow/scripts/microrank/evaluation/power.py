"""What a study of n users could have shown: without this, "no difference found" says nothing."""

import numpy as np
from scipy.special import ndtri


def detectable_difference(n: int, differing: float, confidence: float = 0.95, power: float = 0.8) -> float:
    """The smallest difference of two hit rates that n paired users show with probability `power`.

    Solves δ√n = z_α·√d + z_β·√(d − δ²) for δ (Connor, Sample size for testing differences in proportions for the paired-sample design,
    Biometrics 43, 1987). NaN where no difference could be shown: the one needed is larger than d, the largest that is possible.

    Args:
        differing: d, the share of users who are a hit for one of the two methods only.
    """
    z_level, z_power = ndtri((1 + confidence) / 2), ndtri(power)
    inside = n + z_power**2 - z_level**2
    if n == 0 or inside < 0:
        return float("nan")
    difference = np.sqrt(differing) * (z_level * np.sqrt(n) + z_power * np.sqrt(inside)) / (n + z_power**2)
    return float(difference) if 0 < difference <= differing else float("nan")


def users_needed(difference: float, differing: float, confidence: float = 0.95, power: float = 0.8) -> int:
    """How many paired users show `difference` with probability `power`; `differing` as above, at least |difference| > 0."""
    z_level, z_power = ndtri((1 + confidence) / 2), ndtri(power)
    return int(np.ceil(((z_level * np.sqrt(differing) + z_power * np.sqrt(differing - difference**2)) / difference) ** 2))
