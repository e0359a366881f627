"""What a uniformly random shuffle of the lists would reach, exactly: the row that any re-ranker has to beat."""

from collections.abc import Callable

import numpy as np
from scipy.special import bdtr, bdtrc

Metric = Callable[[np.ndarray, int], np.ndarray]


def shuffle_expectation(metric: Metric, in_list: int, n_users: int, k: int, cutoff: int) -> float:
    """Expected mean over users of `metric` after a shuffle of each list.

    A shuffled held-out item is at each of the k ranks with probability 1/k, so a user whose list holds it expects the mean of the metric over
    the ranks 1…k (for Hits@N that is N/k), and a user whose list lacks it 0.

    Args:
        in_list: number of users whose list holds the held-out item. k: length of the lists.
    """
    return in_list / n_users * float(metric(np.arange(1, k + 1), cutoff).mean())


def shuffle_hits_range(
    in_list: int, k: int, cutoff: int, confidence: float = 0.95
) -> tuple[int, int]:
    """Between how many hits a single shuffle lies with at least this probability (Hits@N is binomial with N/k)."""
    tail = (1 - confidence) / 2
    share = min(cutoff, k) / k
    hits = np.arange(in_list + 1)
    return int(np.searchsorted(bdtr(hits, in_list, share), tail)), int(
        (bdtrc(hits, in_list, share) > tail).sum()
    )


def shuffle_p_value(hits: int, in_list: int, k: int, cutoff: int) -> float:
    """Two-sided exact p-value of so many Hits@N under a shuffle of each list: twice the smaller tail, at most 1.

    Each list that holds the held-out item is then a hit with probability N/k, the others never, independently: a sum of Bernoulli
    variables, here binomial since all lists are of one length (Clopper and Pearson, The use of confidence or fiducial limits illustrated
    in the case of the binomial, Biometrika 26, 1934, for the doubled tail).
    """
    share = min(cutoff, k) / k
    return float(min(1.0, 2 * min(bdtr(hits, in_list, share), bdtrc(hits - 1, in_list, share))))
