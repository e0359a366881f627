"""All that the page of several recommenders is written from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from microrank.evaluation.comparison import Comparison, Difference
from microrank.evaluation.holm import holm
from microrank.evaluation.score import PRIMARY
from microrank.evaluation.verdicts import BETTER
from microrank.recommenders.trials import Trials
from microrank.report.study import Study
from microrank.report.verdicts import reading_problem, verdict


@dataclass(frozen=True)
class Cost:
    """What the jobs of a recommender took.

    Attributes:
        seconds: Of all of them, one after the other.
        megabytes: The most that one of them held in memory; None where nobody measured it.
    """

    seconds: float
    megabytes: float | None


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Several recommenders of one study.

    Attributes:
        name: Of the study.
        studies: Recommender, as the config calls it -> its study.
        comparison: What `comparison.json` holds.
        trials: Recommender -> what was tried; of those that were chosen here.
        at_limit: Sentences about trainings that ended while still improving.
        costs: Recommender -> what its jobs took; of those that were measured.
        popular: Recommenders that are popularity itself.
        unions: Recommender that is a union pool -> its parts.
        is_synthetic: Whether the data are made up.
        hits_only: Whether the users were drawn from those whom some list has a hit for.
    """

    name: str
    studies: Mapping[str, Study]
    comparison: Comparison
    trials: Mapping[str, Trials]
    at_limit: Sequence[str]
    costs: Mapping[str, Cost]
    popular: Sequence[str]
    unions: Mapping[str, Sequence[str]]
    is_synthetic: bool
    hits_only: bool

    @property
    def names(self) -> list[str]:
        """The recommenders, in the config's order."""
        return list(self.studies)

    @property
    def first(self) -> Study:
        """The study of the first recommender."""
        return next(iter(self.studies.values()))

    @property
    def level(self) -> float:
        """At or below which a Holm-adjusted p-value counts as a difference."""
        return self.first.level

    @property
    def margin(self) -> float:
        """Difference of hit rates below which they are as good as equal."""
        return self.first.margin

    @cached_property
    def unreadable(self) -> set[str]:
        """Methods whose answers on some list say nothing of their language model."""
        return {
            method
            for study in self.studies.values()
            for method in study.names
            if reading_problem(study, method)
        }

    @cached_property
    def in_question(self) -> list[Difference]:
        """The differences that the first line is about: of language models, else of all methods."""
        rows = [row for row in self.comparison.differences if row.method not in self.unreadable]
        return [row for row in rows if row.family == PRIMARY] or rows

    @property
    def asks_models(self) -> bool:
        """Whether the first line is about language models."""
        return any(row.family == PRIMARY for row in self.in_question)

    def label(self, recommender: str) -> str:
        """Return a recommender's name as readers see it."""
        return "NFM" if recommender == "nfm" else f"`{recommender}`"

    @cached_property
    def not_over_popularity(self) -> list[str]:
        """Recommenders that are not shown to hit more often than popularity, after Holm."""
        compared = {
            name: study.nfm.popularity
            for name, study in self.studies.items()
            if study.nfm is not None and name not in self.popular
        }
        p_holm = holm(np.array([row.p_value for row in compared.values()], np.float64))
        return [
            name
            for (name, row), p in zip(compared.items(), p_holm, strict=True)
            if row.wins <= row.losses or p > self.level
        ]

    @cached_property
    def not_over_shuffle(self) -> list[str]:
        """Recommenders whose own order is not shown to be better than a shuffle of it."""
        return [
            name
            for name, study in self.studies.items()
            if verdict(study, study.recommender, "hr_over_random") != BETTER
        ]
