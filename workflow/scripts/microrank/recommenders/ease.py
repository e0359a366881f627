"""EASE^R: a linear model of items from items, in closed form."""

import os
from typing import Any

import numpy as np
import torch

from microrank.errors import StudyError
from microrank.recommenders.fitted import Fitted, Interactions, Judge

MATRICES = 3  # of items × items, float32, that are in memory at once
SHARE_OF_MEMORY = 0.75


def fit(
    data: Interactions, setting: dict[str, Any], seed: int, judge: Judge | None = None
) -> Fitted:
    """Solve for the weights of all items: B = I − P · diag(1 / diag P), P = (XᵀX + λI)⁻¹.

    (Steck, Embarrassingly shallow autoencoders for sparse data, WWW 2019.)

    Args:
        data: What it may know.
        setting: `regularization`, λ; `most_gb`, what the matrices may take.
        seed: Not used.
        judge: Not used.

    Raises:
        StudyError: The matrices do not fit.
    """
    check_memory(data.n_items, setting["most_gb"])
    taken = data.matrix()[:, 1:]
    gram = torch.from_numpy((taken.T @ taken).toarray())
    gram.diagonal().add_(setting["regularization"])
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(gram, out=gram))
    inverse /= -inverse.diagonal().clone()
    inverse.fill_diagonal_(0)
    weights = inverse.numpy()
    return Fitted(lambda users: np.pad(taken[users] @ weights, ((0, 0), (1, 0))))


def check_memory(n_items: int, most_gb: float | None) -> None:
    """Refuse a catalogue whose matrices do not fit into memory.

    Args:
        n_items: Its size.
        most_gb: What they may take; None: three quarters of the machine's memory.

    Raises:
        StudyError: They take more.
    """
    needed = MATRICES * 4 * n_items**2 / 1e9
    limit = _memory_gb() * SHARE_OF_MEMORY if most_gb is None else most_gb
    if needed > limit:
        raise StudyError(
            f"recommenders: ease inverts a matrix of {n_items:,} × {n_items:,} items, which takes "
            f"{needed:,.1f} GB of memory, more than the {limit:,.1f} GB that it may: raise "
            "most_gb in recommender_settings where the machine has more, or leave ease out"
        )


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
