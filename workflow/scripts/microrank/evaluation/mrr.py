"""Mean reciprocal rank."""

import numpy as np


def reciprocal_rank(ranks: np.ndarray, cutoff: int) -> np.ndarray:
    """Compute 1 / rank of each user where the held-out item is among the first N, else 0.

    The mean over users is MRR@N (Voorhees, The TREC-8 question answering track report, 1999).

    Args:
        ranks: [n_users], rank of each user's held-out item, from 1; 0 where the list lacks it.
        cutoff: N.
    """
    in_top = (ranks > 0) & (ranks <= cutoff)
    return np.where(in_top, 1 / np.where(in_top, ranks, 1), 0.0)
