"""Rank candidates by how likely the model finds their titles after a user's history.

The score of a title t after a history h is log P(t | h); less log P(t) without a history it is
the domain-conditional pointwise mutual information of Holtzman et al., Surface form competition:
why the highest probability answer isn't always right, EMNLP 2021.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from microrank.local_llm.model import LocalModel
from microrank.local_llm.rows import Row, likelihood_row


class Likelihood(NamedTuple):
    """log_probability: in nats, of a whole title and its end. n_tokens: how many these are."""

    log_probability: float
    n_tokens: int


def likelihood_question(local: LocalModel, prefix: str, endings: Sequence[str]) -> Row:
    """The row that reads every ending after the prefix.

    Args:
        local: the model.
        prefix: all that stands before a title.
        endings: each title with what ends it, so that the end counts too.
    """
    start = [*local.start, *local.encode(prefix)]
    return likelihood_row(start, [local.encode(ending) for ending in endings])


def read_likelihoods(row: Row, readings: np.ndarray) -> list[Likelihood]:
    """One an ending, from what the row of `likelihood_question` reads."""
    _, starts, lengths = np.unique(row.read_branches, return_index=True, return_counts=True)
    sums = np.add.reduceat(readings, starts)
    return [
        Likelihood(float(total), int(length)) for total, length in zip(sums, lengths, strict=True)
    ]


def likelihood_scores(
    titles: Sequence[str],
    given: Mapping[str, Likelihood],
    prior: Mapping[str, Likelihood] | None,
    per: str,
) -> list[float | None]:
    """A score for each title, larger for better; None for an empty one, of which nothing is read.

    Args:
        titles: of the candidates; equal titles have equal scores.
        given: title -> its likelihood after the history.
        prior: title -> its likelihood without one, which is subtracted; None: nothing is.
        per: `title` for the sum of log-probabilities, `token` for their mean.
    """
    scores: list[float | None] = []
    for title in titles:
        if not title:
            scores.append(None)
            continue
        less = prior[title].log_probability if prior is not None else 0.0
        score = given[title].log_probability - less
        scores.append(score / given[title].n_tokens if per == "token" else score)
    return scores
