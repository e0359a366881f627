"""Rank candidates by the log-probability of their labels as the first token of the answer.

Reddy et al., FIRST: faster improved listwise reranking with single token decoding, EMNLP 2024.
The calibration by the same question without content is that of Zhao et al., Calibrate before
use: improving few-shot performance of language models, ICML 2021.
"""

import math
import string
from collections.abc import Mapping, Sequence

import numpy as np

from microrank.errors import StudyError
from microrank.local_llm.answer_words import first_tokens, summed
from microrank.local_llm.model import LocalModel
from microrank.local_llm.rows import Row, next_token_row

LETTERS = string.ascii_uppercase + string.ascii_lowercase
BELOW_SMALLEST = 1.0  # nats by which a label that is missing stands below the smallest seen


def labels(n: int) -> list[str]:
    """Labels of n candidates as shown: A, B, … Z, a, … z.

    Raises:
        StudyError: there are more candidates than letters.
    """
    if n > len(LETTERS):
        raise StudyError(
            f"ask: first-token has a letter for {len(LETTERS)} candidates, and a list has {n}; "
            "lower top_k, or ask by likelihood or yes-no"
        )
    return list(LETTERS[:n])


def first_token_question(local: LocalModel, messages: Sequence[Mapping[str, str]], n: int) -> Row:
    """The row that reads the labels of n candidates as the answer's first token."""
    tokens = first_tokens(local, [[label] for label in labels(n)])
    asked = [token for answer in tokens for token in answer]
    return next_token_row(local.encode_chat(messages), [[]], asked)


def read_labels(local: LocalModel, readings: np.ndarray, n: int) -> dict[str, float]:
    """Label -> log-probability, from what the row of `first_token_question` reads."""
    tokens = first_tokens(local, [[label] for label in labels(n)])
    values = summed(readings, tokens)
    return dict(zip(labels(n), map(float, values), strict=True))


def first_token_scores(
    given: Mapping[str, float],
    order: Sequence[int],
    calibration: Mapping[str, float] | None = None,
) -> list[float | None]:
    """A score for each candidate, in the recommender's order, larger for better.

    Labels that are missing tie below the smallest that was seen; where none was seen, nothing
    is read.

    Args:
        given: label -> log-probability.
        order: positions among the candidates in the order shown.
        calibration: the same of the question without a history, which is subtracted.
    """
    shown = labels(len(order))
    values = _with_floor(given, shown)
    if values is None:
        return [None] * len(order)
    if calibration is not None:
        without = _with_floor(calibration, shown)
        if without is None:
            return [None] * len(order)
        values = values - without
    scores = np.empty(len(order))
    scores[np.asarray(order)] = values
    return [float(score) for score in scores]


def _with_floor(given: Mapping[str, float], shown: Sequence[str]) -> np.ndarray | None:
    """[n], log-probabilities of the labels shown; None where no label is among `given`."""
    seen = [given[label] for label in shown if _is_seen(given.get(label))]
    if not seen:
        return None
    floor = min(seen) - BELOW_SMALLEST
    return np.array([given[label] if _is_seen(given.get(label)) else floor for label in shown])


def _is_seen(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
