"""The loop through the planned looks: it ends when every verdict is settled, or when it must."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from microrank.errors import StudyError
from microrank.services.failures import BudgetReached
from microrank.settle.looks import Judged, Seen, is_settled, judge

SETTLED = "every verdict is settled"
NO_MORE_USERS = "all planned users were asked about"
NO_MORE_TIME = "`looks.hours` have passed"
log = logging.getLogger(__name__)

# What is seen of these methods among the first n users; only what no answer is kept of is asked.
See = Callable[[int, Sequence[str]], Mapping[str, Seen]]


@dataclass(frozen=True)
class Step:
    """One method at one look."""

    method: str
    seen: Seen
    judged: Judged


@dataclass(frozen=True)
class Course:
    """How the looks went.

    Attributes:
        looks: Numbers of users of all planned looks.
        steps: In the order in which they were made.
        reason: Why the loop ended.
    """

    looks: Sequence[int]
    steps: Sequence[Step]
    reason: str

    @property
    def last(self) -> dict[str, Step]:
        """Each method's last look."""
        return {step.method: step for step in self.steps}

    @property
    def is_settled(self) -> bool:
        """Whether every verdict is settled."""
        return self.reason == SETTLED


def settle_study(
    looks: Sequence[int],
    methods: Sequence[str],
    see: See,
    *,
    margin: float,
    level: float,
    has_time: Callable[[], bool] = lambda: True,
) -> Course:
    """Look at more and more users until every verdict is settled.

    A method whose verdict is settled is not asked about again. A budget that is reached ends the
    loop, as does the time: what was answered is kept, and the next run goes on.

    Args:
        looks: Numbers of users, growing.
        methods: The rows of the primary comparison.
        see: Asks what is missing, and counts.
        margin: Difference of hit rates below which they are as good as equal.
        level: Significance level of the tests for a difference.
        has_time: Whether another look may begin.

    Raises:
        StudyError: There is no method, or something could not be asked, for another reason than
            the budget.
    """
    if not methods:
        raise StudyError(
            "`methods` names no language model, so there is nothing to settle; add a reranker "
            "with `llm`, such as smollm2-likelihood"
        )
    seen: dict[str, list[Seen]] = {method: [] for method in methods}
    steps: list[Step] = []
    still_open = list(methods)
    for n in looks:
        if not has_time():
            return Course(looks, steps, NO_MORE_TIME)
        try:
            found = see(n, still_open)
        except BudgetReached as reached:
            return Course(looks, steps, f"the budget is reached: {reached}")
        for method in still_open:
            seen[method].append(found[method])
        judged = judge(seen, looks, margin=margin, level=level)
        new = [Step(method, found[method], judged[method]) for method in still_open]
        for step in new:
            log.info("%s", described(step))
        steps += new
        still_open = [step.method for step in new if not is_settled(step.judged)]
        if not still_open:
            return Course(looks, steps, SETTLED)
    return Course(looks, steps, NO_MORE_USERS)


def described(step: Step) -> str:
    """Say in a line what a look found."""
    seen, judged = step.seen, step.judged
    cost = "" if seen.usd is None else f", {seen.usd:.4f} US dollars"
    return (
        f"{step.method}: {seen.n:,} users, {seen.hits:,} hits (recommender "
        f"{seen.recommenders_hits:,}), difference {judged.low:+.3f} to {judged.high:+.3f}, "
        f"{seen.answers:,} answers, {seen.tokens:,} tokens{cost}: {judged.verdict}"
    )
