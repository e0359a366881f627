"""Rank candidates by how likely the model finds their titles after a user's history.

The score of a title t after a history h is log P(t | h); less log P(t) without a history it is
the domain-conditional pointwise mutual information of Holtzman et al., Surface form competition:
why the highest probability answer isn't always right, EMNLP 2021.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from microrank.llm.prompts import NO_TITLE, Prompt, build_messages, shown_title
from microrank.local_llm.encoding import TextEncoder
from microrank.local_llm.requests import Asked
from microrank.local_llm.rows import Row, likelihood_row

MARK = "\0"  # stands for a title while a line is taken apart; no title that is shown holds it


@dataclass(frozen=True)
class Likelihood:
    """Score candidates by the log-probability of their titles.

    Attributes:
        prompt: of answer format `titles`.
        per: `token` for the mean log-probability of a title's tokens, `title` for their sum.
        prior: whether the same without a history is subtracted.
    """

    prompt: Prompt
    per: str = "token"
    prior: bool = False
    name = "likelihood"
    kind = "logprobs"
    shows_a_list = False

    def bodies(self, asked: Asked) -> list[dict[str, Any]]:
        """The titles after the history, and each of them without one."""
        titles = _distinct(asked.candidates)
        of_history = asked.attributes[0] if asked.attributes else None
        given = self._body(asked.history, titles, of_history)
        return [given, *(self._body([], [title]) for title in titles if self.prior)]

    def scores(self, asked: Asked, answers: list[dict[str, Any]]) -> list[float | None]:
        """The titles' scores; None for an empty title, of which nothing is read."""
        titles = _distinct(asked.candidates)
        given, *prior = answers
        of_title: dict[str, float] = {}
        for number, title in enumerate(titles):
            score = given["log_probabilities"][number]
            score -= prior[number]["log_probabilities"][0] if self.prior else 0.0
            of_title[title] = score / (given["n_tokens"][number] if self.per == "token" else 1)
        return [of_title.get(shown_title(title)) for title in asked.candidates]

    def _body(
        self,
        history: Sequence[str],
        titles: Sequence[str],
        of_history: Sequence[str] | None = None,
    ) -> dict[str, Any]:
        """What is asked: endings after a prefix, a title's line being cut where it begins."""
        no_candidates: list[str] = []
        attributes = None if of_history is None else (of_history, no_candidates)
        messages = build_messages(
            self.prompt, history, no_candidates, no_candidates, [], attributes=attributes
        )
        texts = [message["content"] for message in messages]
        before, _, after = self.prompt.candidate_line.format(title=MARK).partition(MARK)
        bare = before.rstrip(" ")
        prefix = "\n\n".join(filter(None, texts))
        space = before[len(bare) :]
        return {
            "prefix": f"{prefix}\n{bare}",
            "endings": [f"{space}{title}{after}\n" for title in titles],
        }


def likelihood_question(encoder: TextEncoder, prefix: str, endings: Sequence[str]) -> Row:
    """The row that reads every ending after the prefix.

    Args:
        encoder: of the model.
        prefix: all that stands before a title.
        endings: each title with what ends its line, so that its end counts too.
    """
    start = [*encoder.start, *encoder.encode(prefix)]
    return likelihood_row(start, [encoder.encode(ending) for ending in endings])


def read_likelihoods(row: Row, readings: np.ndarray) -> list[tuple[float, int]]:
    """Each ending's log-probability in nats, and its tokens.

    Args:
        row: of `likelihood_question`.
        readings: what it reads.
    """
    _, starts, lengths = np.unique(row.read_branches, return_index=True, return_counts=True)
    sums = np.add.reduceat(readings, starts)
    return [(float(total), int(n)) for total, n in zip(sums, lengths, strict=True)]


def _distinct(titles: Sequence[str]) -> list[str]:
    """Titles as they are shown, each once and sorted, so that equal ones get equal scores."""
    return sorted({shown_title(title) for title in titles} - {NO_TITLE})
