"""What the numbers say of each method, in one of a few words."""

import numpy as np

from microrank.methods import Method
from microrank.report.results import Results
from microrank.report.study import Study

BETTER, WORSE, UNCLEAR = "better", "worse", "cannot tell"
SLIGHTLY_BETTER, SLIGHTLY_WORSE = (
    "better by less than the margin",
    "worse by less than the margin",
)
NO_DIFFERENCE = "no difference worth the margin"
UNREADABLE, ECHO = "unreadable", "echoes the order shown"
VERDICTS = (
    BETTER,
    SLIGHTLY_BETTER,
    WORSE,
    SLIGHTLY_WORSE,
    NO_DIFFERENCE,
    UNCLEAR,
    UNREADABLE,
    ECHO,
)
ECHO_SHARE = 0.5  # above it, answers that repeat the order shown are no opinion


def verdict(study: Study, method: str, metric: str = "hr") -> str:
    """Say what the numbers show of a method.

    A row whose answers could not be read, or repeat the order shown, says nothing of the model:
    that comes before any comparison. Else it is better or worse where a test that decides differs
    after Holm's correction and none contradicts. Against the recommender, the 90 % interval of the
    difference then says whether it is smaller than the margin, or whether there is no difference
    worth it.

    Args:
        study: The study.
        method: The method, or the recommender.
        metric: `hr` for a comparison with the recommender, `hr_over_random` for one with a shuffle.
    """
    if problem := reading_problem(study, method):
        return problem
    signs = {
        float(np.sign(row.delta or 0))
        for row in study.tests(method, metric)
        if row.p_holm is not None and row.p_holm <= study.level
    }
    equivalence = study.find_row(method, "hr_equivalence", study.last_cutoff)
    low, high = equivalence.interval if equivalence and metric == "hr" else (-1.0, 1.0)
    if signs == {1.0}:
        return SLIGHTLY_BETTER if high < study.margin else BETTER
    if signs == {-1.0}:
        return SLIGHTLY_WORSE if low > -study.margin else WORSE
    return NO_DIFFERENCE if -study.margin < low and high < study.margin else UNCLEAR


def reading_problem(results: Results, method: str) -> str | None:
    """Say why a row tells nothing of its language model: unreadable, an echo, or None.

    A fusion inherits the problem of its parts.
    """
    problems = [problem_of_answers(results, asked) for asked in asked_by(results.methods[method])]
    return next((problem for problem in (UNREADABLE, ECHO) if problem in problems), None)


def problem_of_answers(results: Results, asked: str) -> str | None:
    """Say the same of one method that asked a language model itself."""
    found = results.diagnostics.asked.get(asked)
    if found is None:
        return None
    if found.counts.share("unread") > results.unread_share:
        return UNREADABLE
    return ECHO if found.counts.share("order_shown") > ECHO_SHARE else None


def asked_by(method: Method) -> list[str]:
    """Return whose answers a method's order rests on: its own, or those of a fusion's parts."""
    if method.asks_llm:
        return [method.name]
    names = [name for part in method.parts for name in asked_by(part)]
    return list(dict.fromkeys(names))
