"""What a verdict costs: what so many users can show, and what asking about them takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from microrank.evaluation.group_sequential import nominal_levels
from microrank.evaluation.power import detectable_difference, excludable_margin, users_needed
from microrank.evaluation.verdicts import EQUIVALENCE_LEVEL
from microrank.services.forecast import Forecast
from microrank.services.settings import Service
from microrank.services.usage import Usage

WANTED = 0.05  # a difference worth knowing of: five users of a hundred
SIZES = (100, 400, 1600)  # numbers of users for which a price is told, and all
FEWEST_USERS = 20  # with kept answers, below which their discordance is no estimate
LEAST_LEVEL = 1e-12  # below it, a look finds nothing


@dataclass(frozen=True)
class Design:
    """How a study is judged.

    Attributes:
        everybody: Number of users who may be drawn.
        cutoff: N of the primary Hits@N.
        level: Significance level of the tests for a difference.
        tests: Number of tests in the primary comparison, for Holm's correction.
        looks: Numbers of users at which planned looks are made, growing.
    """

    everybody: int
    cutoff: int
    level: float
    tests: int
    looks: Sequence[int]

    @property
    def sizes(self) -> list[int]:
        """The numbers of users for which a price is told; the last one is all."""
        return sorted({*(n for n in SIZES if n < self.everybody), self.everybody})

    @property
    def first_level(self) -> float:
        """The level of the first step of Holm's correction."""
        return self.level / self.tests

    @property
    def first_equivalence_level(self) -> float:
        """The same of each of the two one-sided tests against a margin."""
        return EQUIVALENCE_LEVEL / self.tests

    @cached_property
    def levels_of_looks(self) -> dict[int, float]:
        """Number of users at a look -> at or below which p counts there."""
        fractions = np.array(self.looks) / self.looks[-1]
        levels = nominal_levels(fractions, self.first_level, sides=2)
        return dict(zip(self.looks, map(float, levels), strict=True))


@dataclass(frozen=True)
class Discordance:
    """The share of users who are a hit for only one of the two orders.

    Attributes:
        share: d.
        n_users: Users with kept answers by whom it was counted; 0 where it is a guess.
    """

    share: float
    n_users: int = 0


@dataclass(frozen=True)
class Asking:
    """What asking about a number of users takes; None where it is not known.

    Attributes:
        tokens: In and out.
        usd: US dollars, as the service is asked.
        batch_usd: The same in batches, where the entry of `llms` has a price of them.
        time_s: Seconds.
    """

    tokens: float
    usd: float | None
    batch_usd: float | None
    time_s: float | None


@dataclass(frozen=True)
class Row:
    """A language model's row, before it is asked.

    Attributes:
        method: Its name.
        differing: How many users differ.
        anew: What asking about the whole sample takes, as if no answer were kept.
        besides: The same without what rows before this one ask, too.
        n_sample: Number of its users.
    """

    method: str
    differing: Discordance
    anew: Forecast
    besides: Forecast
    n_sample: int

    def asking(self, n: int) -> Asking:
        """Return what asking about n users takes, who are like those of the sample."""
        return _scaled(self.anew, n / self.n_sample)

    def asking_besides(self, n: int) -> Asking:
        """Return the same without what rows before this one ask, too."""
        return _scaled(self.besides, n / self.n_sample)

    def users_needed(self, design: Design) -> int | None:
        """Return how many users find WANTED; None where too few differ for it."""
        if self.differing.share <= WANTED:
            return None
        return users_needed(WANTED, self.differing.share, design.first_level)

    def finds(self, n: int, design: Design) -> float:
        """Return the smallest difference that n users find in a report; NaN: none."""
        return detectable_difference(n, self.differing.share, design.first_level)

    def finds_at_look(self, n: int, design: Design) -> float:
        """Return the smallest difference that a planned look at n users finds by itself."""
        level = design.levels_of_looks.get(n, 0.0)
        if level < LEAST_LEVEL:
            return float("nan")
        return detectable_difference(n, self.differing.share, level)

    def excludes(self, n: int, design: Design) -> float:
        """Return the smallest margin that n users exclude where there is no difference."""
        return excludable_margin(n, self.differing.share, design.first_equivalence_level)


def _scaled(sample: Forecast, share: float) -> Asking:
    """Return what asking a share of a sample takes, which may be above 1."""
    usage = Usage(
        round(sample.prompt_tokens * share),
        round(sample.completion_tokens * share),
        cached_tokens=round(sample.cached_tokens * share),
    )
    time_s = None if sample.time_s is None else sample.time_s * share
    if sample.plan.is_free:
        return Asking(usage.tokens, 0.0, None, time_s)
    service = sample.plan.service
    if is_batch(service):
        time_s = sample.time_s  # a batch of any size has one window
    return Asking(usage.tokens, service.cost_usd(usage), batch_usd(service, usage), time_s)


def is_batch(service: Service) -> bool:
    """Return whether answers come in batches as the service is asked."""
    return service.mode == "batch"


def batch_usd(service: Service, usage: Usage) -> float | None:
    """Return US dollars for tokens in batches; None without such a price, or where it is paid."""
    if service.price is None or service.price.batch is None or is_batch(service):
        return None
    return service.in_batches.cost_usd(usage)


def together(parts: Sequence[Asking]) -> Asking:
    """Return what several methods take, one after the other."""
    return Asking(
        sum(part.tokens for part in parts),
        _sum([part.usd for part in parts]),
        _sum([part.usd if part.batch_usd is None else part.batch_usd for part in parts])
        if any(part.batch_usd is not None for part in parts)
        else None,
        _sum([part.time_s for part in parts]),
    )


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
