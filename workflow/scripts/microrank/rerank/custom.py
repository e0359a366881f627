"""Re-ranking by a Python file of the user's own: one function that scores the candidates of one user."""

import importlib.util
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from microrank.errors import StudyError
from microrank.rerank.scored import rankings_by_score


class Item(NamedTuple):
    """What a method is told of an item; `train_count` is how often it was trained on."""

    id: int
    title: str
    train_count: int


Score = Callable[[list[Item], list[Item]], Sequence[float]]


def rerank_by_file(subset: pa.Table, items: pa.Table, path: str) -> pa.Table:
    """Order every user's candidates by the numbers that the file's `score(history, candidates)` gives. Gives table RANKINGS.

    `score` gets two lists of Item, the history's (oldest first) and the candidates' (in the recommender's order), and gives one number a
    candidate, larger for better. Ties keep the recommender's order.

    Args:
        subset: table SUBSET; its ground truth is not passed on. items: table ITEMS.

    Raises:
        StudyError: the file cannot be run, or its numbers do not fit.
    """
    score = _load(path)
    known = {
        row["item_id"]: Item(row["item_id"], row["title"], row["train_count"])
        for row in items.to_pylist()
    }
    scores = [
        _scored(
            score,
            path,
            row["user_id"],
            [known[item] for item in row["history"]],
            [known[item] for item in row["candidates"]],
        )
        for row in subset.select(["user_id", "history", "candidates"]).to_pylist()
    ]
    return rankings_by_score(subset, np.concatenate(scores))


def _load(path: str) -> Score:
    spec = importlib.util.spec_from_file_location("method_of_the_users_own", path)
    if spec is None or spec.loader is None:
        raise StudyError(
            f"{path}: not a Python file; a method is a .py file with a function score(history, candidates)"
        )
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise StudyError(f"{path}: cannot be run ({type(error).__name__}: {error})") from error
    if not callable(getattr(module, "score", None)):
        raise StudyError(f"{path}: has no function score(history, candidates)")
    found: Score = module.score
    return found


def _scored(
    score: Score, path: str, user: int, history: list[Item], candidates: list[Item]
) -> np.ndarray:
    try:
        numbers = np.asarray(list(score(history, candidates)), np.float64)
    except Exception as error:
        raise StudyError(
            f"{path}: score failed for user {user} ({type(error).__name__}: {error})"
        ) from error
    if (
        numbers.shape != (len(candidates),)
        or not (np.abs(numbers) <= np.finfo(np.float32).max).all()
    ):
        raise StudyError(
            f"{path}: score must give one finite number for each of the {len(candidates)} candidates; see user {user}"
        )
    return numbers
