"""Rank candidates by an answer that the model writes: an order, or a score for each candidate.

Hou et al., Large language models are zero-shot rankers for recommender systems, ECIR 2024. What
is written is read as a service's answer is.
"""

from dataclasses import dataclass
from typing import Any

from microrank.llm.prompts import Prompt, build_messages
from microrank.local_llm.requests import Asked


@dataclass(frozen=True)
class Written:
    """Let the model write, always the likeliest next token.

    Attributes:
        prompt: of any answer format that is written.
        max_tokens: of one answer.
    """

    prompt: Prompt
    max_tokens: int
    name = "written"
    kind = "text"
    shows_a_list = True

    def bodies(self, asked: Asked) -> list[dict[str, Any]]:
        """The chat."""
        messages = build_messages(
            self.prompt,
            asked.history,
            asked.candidates,
            asked.candidate_ids,
            asked.order,
            attributes=asked.attributes,
        )
        return [{"messages": messages, "max_tokens": self.max_tokens}]

    def scores(self, asked: Asked, answers: list[dict[str, Any]]) -> None:
        """None: the text is read where all answers are."""
