"""Requests to a language model in this process: all that shapes an answer, so the key's preimage.

Nothing here needs torch: kept answers are found, and what is missing is forecast, without it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from microrank.services.adapters import LOCAL
from microrank.services.store import Request
from microrank.services.tokens import Estimate, asked_texts, chat_estimate, texts_estimate

DTYPES = ("float32", "bfloat16", "float16")


@dataclass(frozen=True)
class LocalSettings:
    """What of a model in this process shapes its answers.

    Attributes:
        model: its name, which the store's statistics show.
        weights: `sha256:…` of its files, or `revision:…` on the Hugging Face hub.
        dtype: of its weights and products; other dtypes give other last digits.
        max_tokens: of a written answer.
        adapter: `local`, or `cross-encoder`.
    """

    model: str
    weights: str
    dtype: str
    max_tokens: int = 512
    adapter: str = LOCAL

    def request(self, ask: str, body: Mapping[str, Any]) -> Request:
        """The request of one question.

        Args:
            ask: the way of asking.
            body: what is asked; see the modules of the ways.
        """
        return {
            "adapter": self.adapter,
            "model": self.model,
            "weights": self.weights,
            "dtype": self.dtype,
            "ask": ask,
            "body": dict(body),
        }

    def requests(self, ask: str, bodies: Sequence[Mapping[str, Any]], dtype: str) -> list[Request]:
        """The requests of all bodies in one dtype."""
        of_dtype = replace(self, dtype=dtype)
        return [of_dtype.request(ask, body) for body in bodies]


@dataclass(frozen=True)
class Asked:
    """One user as one pass shows them.

    Attributes:
        user_id: the user.
        pass_number: from 0.
        order: positions among the candidates in the order shown.
        history: titles, oldest first.
        candidates: titles, in the recommender's order.
        candidate_ids: as the raw files have them, in the recommender's order.
        attributes: of the history and of the candidates; None where there are none.
    """

    user_id: int
    pass_number: int
    order: list[int]
    history: list[str]
    candidates: list[str]
    candidate_ids: list[int] | list[str]
    attributes: tuple[list[str], list[str]] | None = None

    def attributes_of(self, history: Sequence[str]) -> tuple[list[str], list[str]] | None:
        """The attributes where `history` is shown: the user's, or none at all."""
        if self.attributes is None or history:
            return self.attributes
        return [], self.attributes[1]


class Ask(Protocol):
    """A way to ask: what is asked about a user, and the scores that the answers give."""

    name: str
    kind: str  # of its rows in table RESPONSES
    shows_a_list: bool  # whether positions matter, so that further passes tell more

    def bodies(self, asked: Asked) -> list[dict[str, Any]]:
        """The bodies of all requests about a user; the first is the question itself."""

    def scores(self, asked: Asked, answers: list[dict[str, Any]]) -> list[float | None] | None:
        """A score for each candidate, in the recommender's order, larger for better.

        None for a candidate of which nothing is read, and for all of a written answer.
        """


def local_estimate(body: Mapping[str, Any]) -> Estimate:
    """Tokens of a request; what several texts share counts once."""
    if "messages" in body:
        estimate = chat_estimate(body)
        return estimate if "max_tokens" in body else replace(estimate, completion_tokens=0)
    if "query" in body:
        return texts_estimate(asked_texts(body))
    if "endings" in body:
        return texts_estimate([body["prefix"], *body["endings"]])
    first, *others = ["".join(part["content"] for part in chat) for chat in body["chats"]]
    shared = _shared_characters([first, *others])
    return texts_estimate([first, *(text[shared:] for text in others)])


def _shared_characters(texts: list[str]) -> int:
    first, last = min(texts), max(texts)
    pairs = enumerate(zip(first, last, strict=False))
    return next((place for place, (one, other) in pairs if one != other), len(first))
