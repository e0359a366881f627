"""Ways to ask whose next question depends on the answers before it: a sort of the candidates."""

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from microrank.llm.heap import Comparisons
from microrank.llm.prompts import LABELS, Prompt, build_messages
from microrank.local_llm.requests import Asked

ASK = "first-token"  # how a model in this process is asked: by its labels' log-probabilities


class Compared(NamedTuple):
    """One question about some of the candidates.

    Attributes:
        positions: among the candidates, in the order shown, as labels A, B, …
        body: what is asked: `messages` and `n_labels`.
    """

    positions: list[int]
    body: dict[str, Any]


class Sorted(NamedTuple):
    """What came of a user's questions.

    Attributes:
        scores: a score for each candidate, in the recommender's order: k, k − 1, … 1 for the best
            k, 0 for the others; None for all where most answers were not read.
        n_asked: questions.
        n_read: those whose answer names a label.
    """

    scores: list[float | None]
    n_asked: int
    n_read: int


# Labels of each question's answer, as `first-token` gives them -> the next questions.
Turns = Generator[list[Compared], list[dict[str, Any]], Sorted]


@runtime_checkable
class InTurn(Protocol):
    """A way to ask in turn."""

    name: str
    kind: str
    shows_a_list: bool

    def turns(self, asked: Asked) -> Turns:
        """Ask about a user: yields questions, is sent their answers."""

    def most_questions(self, n: int) -> int:
        """The most questions about a user with n candidates."""


class Judged(NamedTuple):
    """The best of some items, and how many of the answers that say so could be read."""

    best: int
    n_asked: int
    n_read: int


Judgement = Generator[list[Compared], list[dict[str, Any]], Judged]


def compared(prompt: Prompt, asked: Asked, positions: Sequence[int]) -> Compared:
    """The question about the candidates at these positions.

    Args:
        prompt: of answer format `labels`.
        asked: the user.
        positions: among the candidates, in the order to show.
    """
    messages = build_messages(
        prompt,
        asked.history,
        asked.candidates,
        asked.candidate_ids,
        positions,
        attributes=asked.attributes,
    )
    return Compared(list(positions), {"messages": messages, "n_labels": len(positions)})


def chosen(answer: Mapping[str, Any], n: int) -> int | None:
    """The place of the likeliest of n labels, the first of equal ones; None: none was read."""
    labels = answer["labels"]
    values = [labels.get(label, -math.inf) for label in LABELS[:n]]
    best = max(range(n), key=values.__getitem__)
    return best if math.isfinite(values[best]) else None


def play(asked: Asked, sort: Comparisons, judge: Callable[[list[int]], Judgement]) -> Turns:
    """Sort a user's candidates, by somebody's judgement of some of them at a time.

    Args:
        asked: the user; items of the sort are places in the order shown.
        sort: yields items to compare.
        judge: asks which of these items is best.
    """
    n_asked = n_read = 0
    try:
        items = next(sort)
        while True:
            judged = yield from judge(items)
            n_asked, n_read = n_asked + judged.n_asked, n_read + judged.n_read
            items = sort.send(judged.best)
    except StopIteration as stop:
        best: list[int] = stop.value
    scores: list[float | None] = [0.0] * len(asked.order)
    if 2 * n_read < n_asked:
        return Sorted([None] * len(scores), n_asked, n_read)
    for rank, item in enumerate(best):
        scores[asked.order[item]] = float(len(best) - rank)
    return Sorted(scores, n_asked, n_read)


def row_of(ask: InTurn, user: Asked, outcome: Sorted) -> dict[str, Any]:
    """What a row of table RESPONSES says of the sort itself."""
    return {
        "user_id": user.user_id,
        "pass": user.pass_number,
        "order": user.order,
        "text": f"{outcome.n_asked} questions in turn, {outcome.n_read} answers read",
        "finish_reason": "stop",
        "kind": ask.kind,
        "scores": outcome.scores,
    }
