"""Rank candidates by the probability that the model says yes to each of them by itself.

Liang et al., Holistic evaluation of language models, 2022, as a pointwise re-ranker; the answers
"yes" and "no" are weighed against each other, so that the score is log P(yes) - log P(no).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from microrank.llm.prompts import Prompt, build_messages
from microrank.local_llm.answer_words import first_tokens, summed
from microrank.local_llm.encoding import TextEncoder
from microrank.local_llm.requests import Asked
from microrank.local_llm.rows import Row, next_token_row

WORDS = (("Yes", "yes", "YES"), ("No", "no", "NO"))


@dataclass(frozen=True)
class YesNo:
    """Score each candidate by a question of its own.

    Attributes:
        prompt: of answer format `yes-no`; its {candidates} is the one candidate.
    """

    prompt: Prompt
    name = "yes-no"
    kind = "logprobs"
    shows_a_list = False

    def bodies(self, asked: Asked) -> list[dict[str, Any]]:
        """One chat a candidate, in the recommender's order."""
        return [{"chats": [self._chat(asked, place) for place in range(len(asked.candidates))]}]

    def _chat(self, asked: Asked, place: int) -> list[dict[str, str]]:
        """The question about the candidate at this place."""
        attributes = asked.attributes
        return build_messages(
            self.prompt,
            asked.history,
            [asked.candidates[place]],
            [str(asked.candidate_ids[place])],
            [0],
            attributes=attributes and (attributes[0], [attributes[1][place]]),
        )

    def scores(self, asked: Asked, answers: list[dict[str, Any]]) -> list[float | None]:
        """Log P(yes) - log P(no) of each candidate; None where neither was seen."""
        [answer] = answers
        pairs = zip(answer["yes"], answer["no"], strict=True)
        return [None if yes is None or no is None else yes - no for yes, no in pairs]


def yes_no_question(encoder: TextEncoder, chats: Sequence[Sequence[Mapping[str, str]]]) -> Row:
    """The row that reads yes and no after each chat; what all begin with is read once."""
    tokens = [encoder.encode_chat(messages) for messages in chats]
    n_shared = shared_length(tokens)
    asked = [token for answer in first_tokens(encoder, WORDS) for token in answer]
    return next_token_row(tokens[0][:n_shared], [row[n_shared:] for row in tokens], asked)


def read_yes_no(encoder: TextEncoder, readings: np.ndarray) -> np.ndarray:
    """[n_chats, 2], log-probabilities of yes and of no."""
    tokens = first_tokens(encoder, WORDS)
    return summed(readings.reshape(-1, sum(map(len, tokens))), tokens)


def shared_length(texts: Sequence[Sequence[int]]) -> int:
    """Tokens that all texts begin with, at least one fewer than the shortest has."""
    shortest = min(map(len, texts)) - 1
    matrix = np.array([text[:shortest] for text in texts])
    differs = (matrix != matrix[0]).any(axis=0)
    return int(differs.argmax()) if differs.any() else shortest
