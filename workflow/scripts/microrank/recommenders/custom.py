"""A recommender in a Python file of the user's own."""

import importlib.util
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from microrank.errors import StudyError
from microrank.recommenders.fitted import Fit, Fitted, Interactions, Judge
from microrank.recommenders.grids import Setting
from microrank.rerank.custom import Item
from microrank.written import has_text_ids, item_names

WANTED = "a recommender is a .py file with a function fit(histories, items)"


def load_recommender(path: str, trials: int) -> tuple[Fit, list[Setting]]:
    """Load a file that has a function `fit(histories, items, **setting)`.

    It gets the users' histories, each an array of item numbers from 0, oldest first, and the
    items, each with `id`, `title` and `train_count`, by number. It returns a function that takes
    one history and gives a score for each item, larger for better. The file may have SETTINGS, a
    list of such settings to try; without it, there is one trial without any.

    Args:
        path: Of the file.
        trials: How many settings at most.

    Returns:
        How to fit it, and what is tried.

    Raises:
        StudyError: The file cannot be run, or lacks what it needs.
    """
    module = _run(path)
    if not callable(getattr(module, "fit", None)):
        raise StudyError(f"{path}: has no function fit(histories, items); {WANTED}")
    settings = getattr(module, "SETTINGS", [{}])
    if not isinstance(settings, list) or not all(isinstance(one, dict) for one in settings):
        raise StudyError(f"{path}: SETTINGS is no list of dictionaries")

    def fit(
        data: Interactions, setting: dict[str, Any], seed: int, judge: Judge | None = None
    ) -> Fitted:
        return _fitted(path, module.fit, data, setting)

    return fit, (settings or [{}])[:trials]


def _run(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location("custom_recommender", path)
    if spec is None or spec.loader is None:
        raise StudyError(f"{path}: not a Python file; {WANTED}")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise StudyError(f"{path}: cannot be run ({type(error).__name__}: {error})") from error
    return module


def _fitted(
    path: str, fit: Callable[..., Any], data: Interactions, setting: dict[str, Any]
) -> Fitted:
    histories = [part - 1 for part in np.split(data.histories.items, data.histories.starts[1:-1])]
    try:
        score = fit(histories, _items(data), **setting)
    except Exception as error:
        raise StudyError(f"{path}: fit failed ({type(error).__name__}: {error})") from error
    if not callable(score):
        raise StudyError(f"{path}: fit must return a function that scores one history")

    def scores(users: np.ndarray) -> np.ndarray:
        values = np.zeros((len(users), data.n_items + 1), np.float32)
        for row, user in enumerate(users):
            values[row, 1:] = _scored(path, score, histories[user], data.n_items)
        return values

    return Fitted(scores)


def _scored(
    path: str, score: Callable[[np.ndarray], Sequence[float]], history: np.ndarray, n: int
) -> np.ndarray:
    try:
        numbers = np.asarray(score(history.copy()), np.float32)
    except Exception as error:
        raise StudyError(f"{path}: a score failed ({type(error).__name__}: {error})") from error
    if numbers.shape != (n,) or not np.isfinite(numbers).all():
        raise StudyError(f"{path}: must give one finite number for each of the {n} items")
    return numbers


def _items(data: Interactions) -> list[Item]:
    """By number from 0; what was taken in `data` counts as train_count."""
    names = item_names(data.items) if has_text_ids(data.items) else {}
    counts = data.counts
    rows = data.items.select(["item_id", "item_index", "title"]).to_pylist()
    return [
        Item(
            names.get(row["item_id"], row["item_id"]), row["title"], int(counts[row["item_index"]])
        )
        for row in sorted(rows, key=lambda row: row["item_index"])
    ]
