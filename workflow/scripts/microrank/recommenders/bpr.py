"""BPR: a factorisation that ranks what a user took above what the user did not."""

from typing import Any

import numpy as np
from scipy import sparse

from microrank.recommenders.fitted import Fitted, Interactions, Judge
from microrank.recommenders.implicit_library import load


def fit(
    data: Interactions, setting: dict[str, Any], seed: int, judge: Judge | None = None
) -> Fitted:
    """Factorise users × items by the library implicit.

    (Rendle et al., BPR: Bayesian personalized ranking from implicit feedback, UAI 2009.)

    Args:
        data: What it may know.
        setting: `factors`, `learning_rate`, `regularization` and `iterations`, as the library has
            them.
        seed: Of the study.
        judge: Not used.
    """
    library = load("bpr", "bpr")
    model = library.BayesianPersonalizedRanking(**setting, random_state=seed, num_threads=1)
    model.fit(sparse.csr_matrix(data.matrix()), show_progress=False)
    users, items = np.asarray(model.user_factors), np.asarray(model.item_factors)
    return Fitted(lambda places: users[places] @ items.T)
