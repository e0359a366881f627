"""How many answers of a language model name nothing, are cut, or repeat the order shown."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

NEAR = 0.95  # Kendall's tau to the order shown, from which on an answer counts as nearly that order


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
        order_shown: Answers whose order is exactly the order in which candidates were shown.
        near_order_shown: Answers with a Kendall's tau of at least `NEAR` to the order shown;
            those of `order_shown` are among them.
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
