"""How many questions a way of asking in turn would ask: as kept answers went on, else at random."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from microrank.llm.prompts import LABELS
from microrank.local_llm.in_turn import Compared, InTurn
from microrank.local_llm.requests import Asked
from microrank.seeds import generator
from microrank.services.store import Entry, Request


class HowAsked(NamedTuple):
    """How questions are asked and answers are read.

    Attributes:
        request: of a question about a user.
        labels: what an answer to a question says, as `first-token` gives it.
        kept: the kept answer to a request; None where there is none.
    """

    request: Callable[[Compared, Asked], Request]
    labels: Callable[[Compared, Entry], dict[str, Any]]
    kept: Callable[[Request], Entry | None]


def planned_in_turn(
    ask: InTurn, asked: Sequence[Asked], how: HowAsked
) -> list[tuple[int, Request]]:
    """User and request of all questions.

    The questions of a user follow the kept answers as far as these go. From there on they follow a
    random order of the candidates, so that their number is one that may be expected.

    Args:
        ask: the way of asking.
        asked: each user as each pass shows them.
        how: questions are asked.
    """
    return [(user.user_id, request) for user in asked for request in _questions(ask, user, how)]


def _questions(ask: InTurn, user: Asked, how: HowAsked) -> Iterator[Request]:
    purpose = f"expected questions of user {user.user_id}, pass {user.pass_number}"
    worth = generator(0, purpose).permutation(len(user.order))
    turns = ask.turns(user)
    questions = next(turns)
    while questions:
        requests = [how.request(question, user) for question in questions]
        yield from requests
        entries = [how.kept(request) for request in requests]
        answers = [
            how.labels(question, entry) if entry else _made_up(question, worth)
            for question, entry in zip(questions, entries, strict=True)
        ]
        try:
            questions = turns.send(answers)
        except StopIteration:
            return


def _made_up(question: Compared, worth: np.ndarray) -> dict[str, Any]:
    """The answer of somebody who likes candidates by `worth`."""
    values = [float(worth[position]) for position in question.positions]
    return {"labels": dict(zip(LABELS, values, strict=False))}
