"""Rank candidates by the log-probability of their labels as the first token of the answer.

Reddy et al., FIRST: faster improved listwise reranking with single token decoding, EMNLP 2024.
The calibration by the same question without content is that of Zhao et al., Calibrate before
use: improving few-shot performance of language models, ICML 2021.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from microrank.errors import StudyError
from microrank.llm.prompts import LABELS, Prompt, build_messages
from microrank.local_llm.answer_words import first_tokens, summed
from microrank.local_llm.encoding import TextEncoder
from microrank.local_llm.requests import Asked
from microrank.local_llm.rows import Row, next_token_row

BELOW_SMALLEST = 1.0  # nats by which a label that is missing stands below the smallest seen


@dataclass(frozen=True)
class FirstToken:
    """Score candidates by the labels that may begin the answer.

    Attributes:
        prompt: of answer format `labels`.
        calibrate: whether the same question without a history is subtracted.
    """

    prompt: Prompt
    calibrate: bool = False
    name = "first-token"
    kind = "logprobs"
    shows_a_list = True

    def bodies(self, asked: Asked) -> list[dict[str, Any]]:
        """The question, and the same without a history."""
        histories = [asked.history, []] if self.calibrate else [asked.history]
        n = len(labels(len(asked.order)))
        return [
            {
                "messages": build_messages(
                    self.prompt,
                    history,
                    asked.candidates,
                    asked.candidate_ids,
                    asked.order,
                    attributes=asked.attributes_of(history),
                ),
                "n_labels": n,
            }
            for history in histories
        ]

    def scores(self, asked: Asked, answers: list[dict[str, Any]]) -> list[float | None]:
        """The labels' log-probabilities, of each candidate."""
        given, *calibration = (answer["labels"] for answer in answers)
        return first_token_scores(given, asked.order, *calibration)


def labels(n: int) -> list[str]:
    """Labels of n candidates as shown: A, B, … Z, a, … z.

    Raises:
        StudyError: there are more candidates than letters.
    """
    if n > len(LABELS):
        raise StudyError(
            f"ask: first-token has a letter for {len(LABELS)} candidates, and a list has {n}; "
            "lower top_k, or ask by likelihood or yes-no"
        )
    return list(LABELS[:n])


def first_token_question(
    encoder: TextEncoder, messages: Sequence[Mapping[str, str]], n: int
) -> Row:
    """The row that reads the labels of n candidates as the answer's first token."""
    tokens = first_tokens(encoder, [[label] for label in labels(n)])
    asked = [token for answer in tokens for token in answer]
    return next_token_row(encoder.encode_chat(messages), [[]], asked)


def read_labels(encoder: TextEncoder, readings: np.ndarray, n: int) -> dict[str, float]:
    """Label -> log-probability, from what the row of `first_token_question` reads."""
    tokens = first_tokens(encoder, [[label] for label in labels(n)])
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
    without = np.zeros(len(order)) if calibration is None else _with_floor(calibration, shown)
    if values is None or without is None:
        return [None] * len(order)
    scores = np.empty(len(order))
    scores[np.asarray(order)] = values - without
    return [float(score) for score in scores]


def _with_floor(given: Mapping[str, float], shown: Sequence[str]) -> np.ndarray | None:
    """[n], log-probabilities of the labels shown; None where no label is among `given`."""
    seen = {label: given[label] for label in shown if math.isfinite(given.get(label, math.nan))}
    if not seen:
        return None
    floor = min(seen.values()) - BELOW_SMALLEST
    return np.array([seen.get(label, floor) for label in shown])
