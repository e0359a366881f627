"""Rank candidates by the probability that the model says yes to each of them by itself.

Liang et al., Holistic evaluation of language models, 2022, as a pointwise re-ranker; the answers
"yes" and "no" are weighed against each other, so that the score is log P(yes) - log P(no).
"""

from collections.abc import Mapping, Sequence

import numpy as np

from microrank.local_llm.answer_words import first_tokens, summed
from microrank.local_llm.model import LocalModel
from microrank.local_llm.rows import Row, next_token_row

WORDS = (("Yes", "yes", "YES"), ("No", "no", "NO"))


def yes_no_question(local: LocalModel, questions: Sequence[Sequence[Mapping[str, str]]]) -> Row:
    """The row that reads yes and no after each question; what all begin with is read once.

    Args:
        local: the model.
        questions: chat messages, one question a candidate.
    """
    tokens = [local.encode_chat(messages) for messages in questions]
    n_shared = shared_length(tokens)
    asked = [token for answer in first_tokens(local, WORDS) for token in answer]
    return next_token_row(tokens[0][:n_shared], [row[n_shared:] for row in tokens], asked)


def read_yes_no(local: LocalModel, readings: np.ndarray) -> np.ndarray:
    """[n_questions, 2], log-probabilities of yes and of no."""
    tokens = first_tokens(local, WORDS)
    return summed(readings.reshape(-1, sum(map(len, tokens))), tokens)


def yes_no_scores(yes: Sequence[float], no: Sequence[float]) -> list[float]:
    """log P(yes) - log P(no) of each candidate, larger for better."""
    return [float(score) for score in np.subtract(yes, no)]


def shared_length(texts: Sequence[Sequence[int]]) -> int:
    """Tokens that all texts begin with, at least one fewer than the shortest has."""
    shortest = min(map(len, texts)) - 1
    matrix = np.array([text[:shortest] for text in texts])
    differs = (matrix != matrix[0]).any(axis=0)
    return int(differs.argmax()) if differs.any() else shortest
