"""Hit rate: how many users find the held-out item in the top of their list."""

import numpy as np


def hit_rate(ranks: np.ndarray, cutoff: int) -> np.ndarray:
    """Compute HR@N of each user: 1 where the held-out item is among the first N, else 0.

    The mean over users is the hit rate. With one held-out item a user it equals recall@N
    (Deshpande and Karypis, Item-based top-N recommendation algorithms, ACM TOIS 22, 2004).

    Args:
        ranks: [n_users], rank of each user's held-out item, from 1; 0 where the list lacks it.
        cutoff: N.
    """
    return ((ranks > 0) & (ranks <= cutoff)).astype(np.float64)
