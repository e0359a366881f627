"""Re-ranking by a custom Python file: one function that scores the candidates of one user."""

import importlib.util
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from microrank.errors import StudyError
from microrank.rerank.scored import rankings_by_score
from microrank.written import has_text_ids, item_names


class Item(NamedTuple):
    """What a custom method learns about an item.

    Attributes:
        id: The item, as it is written in the raw file.
        title: Its title; may be empty.
        train_count: How often the item occurs in the training data.
    """

    id: int | str
    title: str
    train_count: int


Score = Callable[[list[Item], list[Item]], Sequence[float]]


def rerank_by_file(subset: pa.Table, items: pa.Table, path: str) -> pa.Table:
    """Order every user's candidates by a custom method's scores.

    The file has a function `score(history, candidates)`. It gets two lists of `Item`: the history
    (oldest first) and the candidates (in the recommender's order). It returns one number per
    candidate; a larger one is better. Ties keep the recommender's order.

    Args:
        subset: Table SUBSET, and `user` where messages are to show users as they are written; its
            ground truth is not passed on.
        items: Table ITEMS.
        path: The Python file.

    Returns:
        Table RANKINGS.

    Raises:
        StudyError: The file cannot be run, or its numbers do not fit.
    """
    score = _load(path)
    names = item_names(items) if has_text_ids(items) else {}
    known = {
        row["item_id"]: Item(
            names.get(row["item_id"], row["item_id"]), row["title"], row["train_count"]
        )
        for row in items.select(["item_id", "title", "train_count"]).to_pylist()
    }
    scores = [
        _scored(
            score,
            path,
            row.get("user", str(row["user_id"])),
            [known[item] for item in row["history"]],
            [known[item] for item in row["candidates"]],
        )
        for row in subset.drop_columns("ground_truth").to_pylist()
    ]
    return rankings_by_score(subset, np.concatenate(scores))


def _load(path: str) -> Score:
    spec = importlib.util.spec_from_file_location("custom_method", path)
    if spec is None or spec.loader is None:
        raise StudyError(
            f"{path}: not a Python file; "
            "a method is a .py file with a function score(history, candidates)"
        )
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise StudyError(f"{path}: cannot be run ({type(error).__name__}: {error})") from error
    if not callable(getattr(module, "score", None)):
        raise StudyError(f"{path}: has no function score(history, candidates)")
    score: Score = module.score
    return score


def _scored(
    score: Score, path: str, user: str, history: list[Item], candidates: list[Item]
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
            f"{path}: score must give one finite number for each of the {len(candidates)} "
            f"candidates; see user {user}"
        )
    return numbers
