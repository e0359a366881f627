"""The tokens of one answer, as the server counted them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Usage:
    """Tokens in and out; None where the server does not say."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None  # reasoning tokens included
    reasoning_tokens: int | None = None  # of `completion_tokens`
    cached_tokens: int | None = None  # of `prompt_tokens`

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> Self:
        """Read the `usage` of an answer.

        Some servers count reasoning tokens beside the completion's, others among them. Their
        `total_tokens` tells which.
        """
        usage = _mapping(answer.get("usage"))
        prompt, completion = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
        reasoning = _count(_mapping(usage.get("completion_tokens_details")), "reasoning_tokens")
        cached = _count(_mapping(usage.get("prompt_tokens_details")), "cached_tokens")
        if cached is None:
            cached = _count(usage, "prompt_cache_hit_tokens")
        is_beside = reasoning and _count(usage, "total_tokens") == (
            (prompt or 0) + (completion or 0) + reasoning
        )
        if reasoning and (is_beside or reasoning > (completion or 0)):
            completion = (completion or 0) + reasoning
        return cls(prompt, completion, reasoning, cached)

    @property
    def tokens(self) -> int:
        """Tokens in and out, 0 where the server says nothing."""
        return (self.prompt_tokens or 0) + (self.completion_tokens or 0)

    def to_json(self) -> dict[str, int]:
        """As the store keeps it; what the server did not say of details is left out."""
        details = {
            "reasoning_tokens": self.reasoning_tokens,
            "cached_tokens": self.cached_tokens,
        }
        return {
            "prompt_tokens": self.prompt_tokens or 0,
            "completion_tokens": self.completion_tokens or 0,
        } | {name: count for name, count in details.items() if count is not None}


def usage_in(body: str) -> Usage:
    """The tokens that a reply's body tells, whatever else is in it: a broken answer costs, too."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return Usage()
    return Usage.from_answer(answer) if isinstance(answer, dict) else Usage()


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _count(section: Mapping[str, Any], name: str) -> int | None:
    value = section.get(name)
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31
    return value if is_count else None
