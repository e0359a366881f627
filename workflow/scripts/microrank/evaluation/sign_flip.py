"""Does a difference differ between two lists of the same users: the difference of differences."""

import numpy as np
from scipy.special import gammaln


def sign_flip_p_value(changes: np.ndarray) -> float:
    """Compute the exact two-sided p-value of the paired sign-flip test.

    Each user's sign is flipped by a fair coin, and the sum over users is compared with the one
    that was seen (Fisher, The design of experiments, 1935, §21). All flips are counted, by the
    binomial numbers of positive ones and twos. Without twos it is the exact McNemar test.

    It assumes that users are independent, and that, were nothing different, each user's change and
    its negative would be equally likely. That is more than a mean of 0.

    Args:
        changes: [n_users], whole numbers from −2 to 2.
    """
    changes = np.asarray(changes, np.int64)
    seen = abs(int(changes.sum()))
    ones, twos = (int((np.abs(changes) == size).sum()) for size in (1, 2))
    sums_of_ones = 2 * np.arange(ones + 1) - ones
    sums_of_twos = 2 * (2 * np.arange(twos + 1) - twos)
    up_to = np.append(0.0, np.cumsum(_heads(ones)))
    below = up_to[np.searchsorted(sums_of_ones, seen - sums_of_twos, side="left")]
    up_to_minus = up_to[np.searchsorted(sums_of_ones, -seen - sums_of_twos, side="right")]
    is_inside = np.maximum(below - up_to_minus, 0)
    inside = float(_heads(twos) @ is_inside)
    return min(1.0, max(0.0, 1 - inside)) if seen else 1.0


def _heads(n: int) -> np.ndarray:
    """[n + 1], the probabilities of 0 to n heads of n fair coins."""
    heads = np.arange(n + 1)
    return np.exp(gammaln(n + 1) - gammaln(heads + 1) - gammaln(n - heads + 1) - n * np.log(2))
