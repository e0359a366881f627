"""ALS: a factorisation of who took what, by alternating least squares."""

from typing import Any

import numpy as np
from scipy import sparse

from microrank.recommenders.fitted import Fitted, Interactions, Judge
from microrank.recommenders.implicit_library import load


def fit(
    data: Interactions, setting: dict[str, Any], seed: int, judge: Judge | None = None
) -> Fitted:
    """Factorise users × items by the library implicit.

    (Hu, Koren and Volinsky, Collaborative filtering for implicit feedback datasets, 2008.)

    Args:
        data: What it may know.
        setting: `factors`, `regularization`, `alpha` and `iterations`, as the library has them.
        seed: Of the study.
        judge: Not used.
    """
    model = load("als", "als").AlternatingLeastSquares(**setting, random_state=seed, num_threads=1)
    taken = sparse.csr_matrix(data.matrix())
    model.fit(taken, show_progress=False)
    items = np.asarray(model.item_factors)

    def scores(users: np.ndarray) -> np.ndarray:
        # From the last items' factors: those of users that the training leaves are a step behind.
        return np.asarray(model.recalculate_user(np.arange(len(users)), taken[users])) @ items.T

    return Fitted(scores)
