"""Normalised discounted cumulative gain with one relevant item a user."""

import numpy as np


def ndcg(ranks: np.ndarray, cutoff: int) -> np.ndarray:
    """Compute NDCG@N of each user: 1 / log2(rank + 1) where the item is among the first N, else 0.

    The ideal list has its one relevant item at rank 1, so the ideal gain is 1 (Järvelin and
    Kekäläinen, Cumulated gain-based evaluation of IR techniques, ACM TOIS 20, 2002).

    Args:
        ranks: [n_users], rank of each user's held-out item, from 1; 0 where the list lacks it.
        cutoff: N.
    """
    in_top = (ranks > 0) & (ranks <= cutoff)
    return np.where(in_top, 1 / np.log2(np.where(in_top, ranks, 1) + 1), 0.0)
