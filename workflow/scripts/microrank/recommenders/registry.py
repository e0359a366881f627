"""Which function fits which recommender."""

from collections.abc import Mapping
from typing import Any

from microrank.recommenders import als, bpr, item_knn, popularity
from microrank.recommenders.custom import load_recommender
from microrank.recommenders.fitted import Fit, Fitted, Interactions, Judge
from microrank.recommenders.grids import Setting, settings_tried


def _ease(
    data: Interactions, setting: dict[str, Any], seed: int, judge: Judge | None = None
) -> Fitted:
    from microrank.recommenders import ease  # torch takes seconds to load

    return ease.fit(data, setting, seed, judge)


def _sasrec(
    data: Interactions, setting: dict[str, Any], seed: int, judge: Judge | None = None
) -> Fitted:
    from microrank.recommenders import sasrec

    return sasrec.fit(data, setting, seed, judge)


FITS: dict[str, Fit] = {
    "popularity": popularity.fit,
    "item-knn": item_knn.fit,
    "als": als.fit,
    "bpr": bpr.fit,
    "ease": _ease,
    "sasrec": _sasrec,
}


def fit_of(settings: Mapping[str, Any], file: str | None, trials: int) -> tuple[Fit, list[Setting]]:
    """Find how to fit a recommender, and which settings are tried.

    Args:
        settings: An entry of `recommender_settings`.
        file: The Python file of a recommender of one's own; None for the others.
        trials: How many settings at most.

    Raises:
        StudyError: The file cannot be run.
    """
    if file is not None:
        return load_recommender(file, trials)
    fixed = {key: value for key, value in settings.items() if key != "model"}
    return FITS[settings["model"]], settings_tried(settings["model"], fixed, trials)
