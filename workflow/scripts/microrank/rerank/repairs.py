"""What microrank had to mend in a language model's answers: `rankings/{method}.repairs.json`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from microrank.llm.answer_counts import AnswerCounts

_NO_KINDS = ("answers", "fallback_candidates", "repaired", "counts")


@dataclass(frozen=True)
class Repairs:
    """Repairs of all answers of one method.

    Attributes:
        answers: How many answers were read.
        fallback_candidates: Candidates that no answer named, over all users.
        repaired: Answers that needed any repair.
        kinds: Kind of repair (see `microrank.llm.parse.Parsed`) -> how often it was made.
        counts: Answers by what they are; None in files of versions that did not count them.
    """

    answers: int
    fallback_candidates: int
    repaired: int
    kinds: Mapping[str, int] = field(default_factory=dict)
    counts: AnswerCounts | None = None

    def to_json(self) -> dict[str, Any]:
        """One flat mapping of totals and kinds, and `counts` as a mapping of its own."""
        flat = {**self.kinds, "repaired": self.repaired}
        counts = {} if self.counts is None else {"counts": self.counts.to_json()}
        return {
            "answers": self.answers,
            "fallback_candidates": self.fallback_candidates,
            **dict(sorted(flat.items())),
            **counts,
        }

    @classmethod
    def from_json(cls, section: Mapping[str, Any]) -> "Repairs":
        """Repairs as `to_json` gives them."""
        kinds = {kind: n for kind, n in section.items() if kind not in _NO_KINDS}
        counts = section.get("counts")
        return cls(
            answers=section.get("answers", 0),
            fallback_candidates=section.get("fallback_candidates", 0),
            repaired=section.get("repaired", 0),
            kinds=kinds,
            counts=None if counts is None else AnswerCounts.from_json(counts),
        )
