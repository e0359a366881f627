"""What the numbers say of each method, in one of a few words."""

import numpy as np

from microrank.evaluation.verdicts import (
    ECHO,
    EQUIVALENCE_LEVEL,
    UNREADABLE,
    problem_of_shares,
    verdict_of_tests,
)
from microrank.methods import BEST
from microrank.report.results import Results
from microrank.report.study import Study


def verdict(study: Study, method: str, metric: str = "hr") -> str:
    """Say what the numbers show of a method.

    A row whose answers could not be read, or repeat the order shown, says nothing of the model:
    that comes before any comparison. Else it is better or worse where a test that decides differs
    after Holm's correction and none contradicts. Against the recommender, the two one-sided tests,
    corrected in the same way, say whether the difference is smaller than the margin.

    Args:
        study: The study.
        method: The method, or the recommender.
        metric: `hr` for a comparison with the recommender, `hr_over_random` for one with a shuffle.
    """
    if problem := reading_problem(study, method):
        return problem
    signs = {
        int(np.sign(row.delta or 0))
        for row in study.tests(method, metric)
        if row.p_holm is not None and row.p_holm <= study.level
    }
    sign = signs.pop() if len(signs) == 1 else 0
    return verdict_of_tests(sign, is_within=metric == "hr" and _is_within(study, method))


def _is_within(study: Study, method: str) -> bool:
    """Return whether the difference to the recommender is shown to be smaller than the margin."""
    row = study.find_row(method, "hr_equivalence", study.last_cutoff)
    return row is not None and row.p_holm is not None and row.p_holm <= EQUIVALENCE_LEVEL


def reading_problem(results: Results, method: str) -> str | None:
    """Say why a row tells nothing of its language model: unreadable, an echo, or None.

    A fusion inherits the problem of its parts.
    """
    problems = [problem_of_answers(results, asked) for asked in asked_by(results, method)]
    return next((problem for problem in (UNREADABLE, ECHO) if problem in problems), None)


def problem_of_answers(results: Results, asked: str) -> str | None:
    """Say the same of one method that asked a language model itself."""
    found = results.diagnostics.asked.get(asked)
    if found is None:
        return None
    shares = found.counts.share("unread"), found.counts.share("order_shown")
    return problem_of_shares(*shares, results.unread_share)


def asked_by(results: Results, name: str) -> list[str]:
    """Return whose answers a method's order rests on: its own, or those of a fusion's parts.

    A choice among several ways of asking rests on the chosen one alone.
    """
    method = results.methods[name]
    if method.asks_llm:
        return [name]
    asked = [part.name for part in method.parts if part.asks_llm]
    choice = results.fusions.get(name)
    if choice is not None and choice.fusion == BEST:
        return [part for part in asked if part in choice.used]
    return asked
