"""Variance components: how far values differ between groups, and within them.

The one-way random-effects model, by the analysis of variance (Searle, Casella and McCulloch,
Variance components, 1992, section 3.6, for groups of any sizes).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Components(NamedTuple):
    """Variances of one value.

    Attributes:
        between: Of the groups' true means; 0 where the estimate is negative.
        within: Of values about their group's mean.
    """

    between: float
    within: float


def variance_components(groups: Sequence[np.ndarray]) -> Components:
    """Estimate both variances.

    Args:
        groups: Each [n_values] float; at least two groups, one of at least two values.
    """
    sizes = np.array([len(group) for group in groups])
    means = np.array([group.mean() for group in groups])
    total = sizes.sum()
    square = sum(float(((group - group.mean()) ** 2).sum()) for group in groups)
    within = square / (total - len(groups))
    grand_mean = (sizes * means).sum() / total
    mean_square = float((sizes * (means - grand_mean) ** 2).sum()) / (len(groups) - 1)
    size = (total - (sizes**2).sum() / total) / (len(groups) - 1)
    return Components(max(0.0, (mean_square - within) / size), within)


def binary_components(histogram: np.ndarray) -> Components:
    """Estimate the same of values 0 and 1 in groups of k each.

    Args:
        histogram: [k + 1], the number of groups in which so many values are 1; k is at least 2.
    """
    moments = histogram @ binary_moments(len(histogram) - 1) / histogram.sum()
    between, within = components_of_moments(moments[None], int(histogram.sum()), len(histogram) - 1)
    return Components(float(between[0]), float(within[0]))


def binary_moments(k: int) -> np.ndarray:
    """Give [k + 1, 3]: of a group with j of k values 1 its mean, squared mean and variance."""
    ones = np.arange(k + 1)
    means = ones / k
    return np.stack([means, means**2, ones * (k - ones) / (k * (k - 1))], axis=1)


def components_of_moments(moments: np.ndarray, n: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Turn means over n groups of k values each into variances.

    Args:
        moments: [m, 3], means over groups of what `binary_moments` gives.
        n: Number of groups, at least 2.
        k: Values in each.

    Returns:
        Between and within groups, [m] each.
    """
    means, squares, within = moments.T
    of_means = n / (n - 1) * (squares - means**2)
    return np.maximum(0.0, of_means - within / k), within
