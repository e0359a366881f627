"""What a uniformly random shuffle of the lists would reach, exactly.

It is the row that any re-ranker has to beat.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import bdtr, bdtrc

Metric = Callable[[np.ndarray, int], np.ndarray]


def shuffle_expectation(metric: Metric, in_list: int, n_users: int, k: int, cutoff: int) -> float:
    """Compute the expected mean over users of `metric` after a shuffle of each list.

    A shuffled held-out item is at each of the k ranks with probability 1/k. So a user whose list
    holds it expects the mean of the metric over the ranks 1…k (for Hits@N: N/k), and any other
    user 0.

    Args:
        metric: A function of ranks and a cutoff.
        in_list: Number of users whose list holds the held-out item.
        n_users: Number of all users.
        k: Length of the lists.
        cutoff: N of the metric.
    """
    return in_list / n_users * float(metric(np.arange(1, k + 1), cutoff).mean())


def shuffle_hits_range(
    in_list: int, k: int, cutoff: int, confidence: float = 0.95
) -> tuple[int, int]:
    """Compute between how many hits a single shuffle lies with at least this probability.

    Hits@N is binomial with probability N/k.

    Args:
        in_list: Number of users whose list holds the held-out item.
        k: Length of the lists.
        cutoff: N.
        confidence: The probability.
    """
    tail = (1 - confidence) / 2
    share = min(cutoff, k) / k
    hits = np.arange(in_list + 1)
    low = int(np.searchsorted(bdtr(hits, in_list, share), tail))
    high = int((bdtrc(hits, in_list, share) > tail).sum())
    return low, high


def shuffle_p_value(hits: int, in_list: int, k: int, cutoff: int) -> float:
    """Compute the two-sided exact p-value of so many Hits@N under a shuffle of each list.

    It is twice the smaller tail, at most 1. A list that holds the held-out item is a hit with
    probability N/k, any other list never. The lists are independent and of one length, so the
    number of hits is binomial (the doubled tail: Clopper and Pearson, The use of confidence or
    fiducial limits illustrated in the case of the binomial, Biometrika 26, 1934).

    Args:
        hits: Number of users who are a hit.
        in_list: Number of users whose list holds the held-out item.
        k: Length of the lists.
        cutoff: N.
    """
    share = min(cutoff, k) / k
    return float(min(1.0, 2 * min(bdtr(hits, in_list, share), bdtrc(hits - 1, in_list, share))))
