"""The settings of each recommender, in the order in which they are tried. No imports: fast to read.

A study tries the first `search.trials` of them. They stand in this order since the first ones were
the best on MicroLens-50k's valid items; the grids of item-kNN, ALS, EASE^R and SASRec are those of
`experiments/recommenders.py`.
"""

from collections.abc import Mapping
from typing import Any

Setting = dict[str, Any]

GRIDS: dict[str, list[Setting]] = {
    "popularity": [{}],
    "item-knn": [
        {"neighbours": neighbours, "b": b, "decay": decay}
        for decay in (0.4, 0.0)
        for neighbours, b in ((200, 0.5), (50, 0.5), (1000, 0.5), (200, 0.2), (200, 0.8))
    ],
    "als": [
        {"factors": factors, "regularization": regularization, "alpha": alpha, "iterations": 10}
        for factors in (128, 256)
        for regularization, alpha in ((1.0, 5.0), (0.1, 1.0), (10.0, 20.0), (1.0, 20.0))
    ],
    "bpr": [
        {
            "factors": factors,
            "learning_rate": rate,
            "regularization": regularization,
            "iterations": 100,
        }
        for factors in (64, 128)
        for rate, regularization in ((0.05, 0.01), (0.02, 0.01), (0.05, 0.001), (0.1, 0.01))
    ],
    "ease": [{"regularization": value, "most_gb": None} for value in (100.0, 300.0, 30.0, 1000.0)],
    "sasrec": [
        {
            "dimension": dimension,
            "layers": 2,
            "dropout": dropout,
            "learning_rate": rate,
            "max_epochs": 12,
        }
        for dimension, dropout, rate in (
            (64, 0.3, 0.003),
            (64, 0.5, 0.003),
            (64, 0.3, 0.001),
            (128, 0.3, 0.003),
        )
    ],
}


def settings_tried(model: str, fixed: Mapping[str, Any], trials: int) -> list[Setting]:
    """The settings that a study tries, each once.

    Args:
        model: a key of GRIDS.
        fixed: settings that hold in every trial.
        trials: how many settings at most.
    """
    tried: list[Setting] = []
    for setting in GRIDS[model]:
        if (with_fixed := {**setting, **fixed}) not in tried:
            tried.append(with_fixed)
    return tried[:trials]
