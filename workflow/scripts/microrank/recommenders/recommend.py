"""The lists of a recommender whose setting was chosen on valid."""

from collections.abc import Sequence

import pyarrow as pa

from microrank.recommenders.fitted import Fit, Interactions
from microrank.recommenders.ranking import top_k
from microrank.recommenders.trials import Trial
from microrank.tables import Batches


def fit_recommender(
    fit: Fit, trial: Trial, past: Sequence[Batches], items: pa.Table, k: int, *, seed: int
) -> pa.Table:
    """Fit the chosen setting to all of `past`, and rank the whole catalogue for every user.

    Args:
        fit: Fits the recommender.
        trial: The best one.
        past: The splits before the one to predict, oldest first; all their items are masked.
        items: Table ITEMS, and further columns of the catalogue.
        k: Length of a list.
        seed: Of the study.

    Returns:
        Table RECOMMENDATIONS.

    Raises:
        StudyError: As the recommender's `fit` and `top_k`.
    """
    data = Interactions.of(past, items)
    return top_k(fit(data, trial.setting_to_refit, seed).scores, data, k)
