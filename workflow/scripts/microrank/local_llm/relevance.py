"""Rank candidates by a cross-encoder's score of each of them for the user's history.

Nogueira and Cho, Passage re-ranking with BERT, arXiv:1901.04085, 2019: query and document are read
together, and one number comes out.
"""

from dataclasses import dataclass
from typing import Any

from microrank.llm.prompts import Prompt, build_messages, shown_title
from microrank.local_llm.requests import Asked


@dataclass(frozen=True)
class Relevance:
    """Score each candidate for a query that is made of the history.

    Attributes:
        prompt: of answer format `relevance`: its messages are the query, its candidate_line a
            document. {history} has the newest title first, since long texts are cut at their end.
    """

    prompt: Prompt
    name = "relevance"
    kind = "scores"
    shows_a_list = False

    def bodies(self, asked: Asked) -> list[dict[str, Any]]:
        """The query and the documents, in the recommender's order."""
        newest_first = asked.history[::-1]
        of_history, of_candidates = asked.attributes_of(newest_first) or (
            [""] * len(asked.history),
            [""] * len(asked.candidates),
        )
        no_candidates: list[str] = []
        messages = build_messages(
            self.prompt,
            newest_first,
            no_candidates,
            no_candidates,
            [],
            attributes=(of_history[::-1], no_candidates),
        )
        query = "\n\n".join(filter(None, (message["content"] for message in messages)))
        pairs = zip(asked.candidates, of_candidates, strict=True)
        return [{"query": query, "documents": [self._document(*pair) for pair in pairs]}]

    def _document(self, title: str, attributes: str) -> str:
        shown = f"({shown_title(attributes)})" if attributes else ""
        return self.prompt.candidate_line.format(
            title=shown_title(title), attributes=shown
        ).rstrip()

    def scores(self, asked: Asked, answers: list[dict[str, Any]]) -> list[float | None]:
        """The scores as they come."""
        return list(answers[0]["scores"])
