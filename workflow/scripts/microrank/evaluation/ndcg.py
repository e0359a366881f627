"""Normalised discounted cumulative gain with one relevant item a user."""

import numpy as np


def ndcg(ranks: np.ndarray, cutoff: int) -> np.ndarray:
    """NDCG@N of each user: 1 / log2(rank + 1) where the held-out item is among the first N, else 0.

    The ideal list has its one relevant item at rank 1, so that the ideal gain is 1 (Järvelin and Kekäläinen, Cumulated gain-based
    evaluation of IR techniques, ACM TOIS 20, 2002).

    Args:
        ranks: rank of each user's held-out item, from 1; 0 where the list lacks it.
    """
    found = (ranks > 0) & (ranks <= cutoff)
    return np.where(found, 1 / np.log2(np.where(found, ranks, 1) + 1), 0.0)
