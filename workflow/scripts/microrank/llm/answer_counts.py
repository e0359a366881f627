"""How many answers of a language model name nothing, are cut, or repeat the order shown."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import pyarrow as pa

from microrank.evaluation.kendall import kendall_tau
from microrank.llm.reading.answer import Parsed

NEAR = 0.95  # Kendall's tau to the order shown, from which on an answer counts as nearly that order
REFUSALS = ("content_filter", "refusal")  # reasons to finish
_REFUSAL = re.compile(
    r"\b(?:I(?:'|’)?m|I am) (?:sorry|unable|not able)\b|\bI (?:can(?:'|’|no)?t|won(?:'|’)t)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class AnswerCounts:
    """Answers of one method (one per user and pass), counted by what they are.

    An answer may count in several fields: a cut answer that names some candidates is both `cut` and
    `partly_read`. The rankings' `source` is `unread` for users none of whose answers named a
    candidate.

    Attributes:
        answers: All answers.
        unread: Answers that name no candidate, for whatever reason.
        partly_read: Answers that name some candidates, but not all.
        cut: Answers that end before they are whole: the server says so (`finish_reason: length`),
            or their JSON is not closed.
        ambiguous: Unread answers with two readings that contradict each other.
        refused: Unread answers in which the service or the model declines to answer.
        order_shown: Answers that name two candidates or more: exactly the first ones shown, in
            the order shown.
        near_order_shown: Answers of `order_shown`, and those that name all candidates with a
            Kendall's tau of at least `NEAR` to the order shown.
    """

    answers: int = 0
    unread: int = 0
    partly_read: int = 0
    cut: int = 0
    ambiguous: int = 0
    refused: int = 0
    order_shown: int = 0
    near_order_shown: int = 0

    def share(self, field: str) -> float:
        """The share of the answers that count in `field`, 0 where there are no answers."""
        count: int = getattr(self, field)
        return count / self.answers if self.answers else 0.0

    def to_json(self) -> dict[str, int]:
        """The counts by name, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, section: Mapping[str, Any]) -> "AnswerCounts":
        """Counts as `to_json` gives them; a count that an older version did not make is 0."""
        return cls(**{field.name: section.get(field.name, 0) for field in fields(cls)})


def count_answers(
    answers: Sequence[Parsed], orders: Sequence[Sequence[int]], responses: pa.Table
) -> AnswerCounts:
    """Count answers by what they are.

    Args:
        answers: What was read.
        orders: The order in which each of them was shown the candidates.
        responses: Columns text and finish_reason, of the same answers.
    """
    rows = responses.to_pylist()
    unread = [parsed.from_model == 0 for parsed in answers]
    shown = [_is_shown(parsed, order) for parsed, order in zip(answers, orders, strict=True)]
    near = [
        is_shown or _is_near(parsed, order)
        for is_shown, parsed, order in zip(shown, answers, orders, strict=True)
    ]
    return AnswerCounts(
        answers=len(answers),
        unread=sum(unread),
        partly_read=sum(0 < parsed.from_model < len(parsed.positions) for parsed in answers),
        cut=sum(
            row["finish_reason"] == "length" or parsed.repairs["cut"] > 0
            for row, parsed in zip(rows, answers, strict=True)
        ),
        ambiguous=sum(parsed.repairs["ambiguous"] > 0 for parsed in answers),
        refused=sum(
            is_unread and _is_refusal(row) for is_unread, row in zip(unread, rows, strict=True)
        ),
        order_shown=sum(shown),
        near_order_shown=sum(near),
    )


def _is_refusal(row: Mapping[str, Any]) -> bool:
    return row["finish_reason"] in REFUSALS or bool(_REFUSAL.search(row["text"] or ""))


def _is_shown(parsed: Parsed, order: Sequence[int]) -> bool:
    """Whether an answer names two candidates or more, and they are the first shown, in order."""
    named = parsed.from_model
    return named > 1 and list(parsed.positions[:named]) == list(order[:named])


def _is_near(parsed: Parsed, order: Sequence[int]) -> bool:
    """Whether an answer that names all candidates is nearly in the order shown."""
    if not 1 < len(order) == parsed.from_model:
        return False
    places = [np.argsort(np.array([list(ranked)])) for ranked in (parsed.positions, order)]
    return bool(kendall_tau(*places)[0] >= NEAR)


def sentences(counts: AnswerCounts) -> Iterator[str]:
    """What a reader of the log should know of the answers, a sentence each."""
    texts = {
        "unread": "name no candidate: these users keep the recommender's order",
        "partly_read": "name some candidates only",
        "cut": "are cut",
        "ambiguous": "contradict themselves, and name no candidate",
        "refused": "decline to answer",
        "order_shown": "are the order shown",
        "near_order_shown": f"are nearly the order shown (Kendall's tau of at least {NEAR})",
    }
    for field, text in texts.items():
        if count := getattr(counts, field):
            yield f"{count} of {counts.answers} answers {text}"
