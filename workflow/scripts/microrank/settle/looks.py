"""What is seen at each planned look, and what may be concluded from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from microrank.evaluation.equivalence import equivalence_p_value, score_interval
from microrank.evaluation.group_sequential import boundaries, sequential_p
from microrank.evaluation.holm import holm
from microrank.evaluation.paired import mcnemar
from microrank.evaluation.verdicts import EQUIVALENCE_LEVEL, UNCLEAR, verdict_of_tests


@dataclass(frozen=True)
class Seen:
    """What is seen of one method at one look: of all users so far, not of the new ones alone.

    Attributes:
        n: Users.
        hits: Hits of the method, at the primary cutoff.
        recommenders_hits: Hits of the recommender.
        wins: Users who are a hit for the method only.
        losses: Users who are a hit for the recommender only.
        problem: Why the answers tell nothing of the model; None where they do.
        answers: Answers, also kept ones.
        tokens: Tokens of questions and answers, as far as they were counted.
        usd: What they cost; None where the config has no price.
    """

    n: int
    hits: int
    recommenders_hits: int
    wins: int
    losses: int
    problem: str | None = None
    answers: int = 0
    tokens: int = 0
    usd: float | None = None


@dataclass(frozen=True)
class Judged:
    """What a look says of one method.

    Attributes:
        verdict: In the words of `evaluation.verdicts`.
        low: Lower end of the repeated interval of the difference of hit rates.
        high: Its upper end.
        p_difference: Over all looks so far, after Holm's correction.
        p_equivalence: The same of the two one-sided tests against the margin.
    """

    verdict: str
    low: float
    high: float
    p_difference: float
    p_equivalence: float


def planned_looks(looks: Sequence[int | str], n_users: int) -> list[int]:
    """Return the numbers of users at which one looks, growing.

    Args:
        looks: Looks as in the config: numbers, and "all".
        n_users: All users who may be drawn.
    """
    return sorted({n_users if look == "all" else min(int(look), n_users) for look in looks})


def judge(
    seen: Mapping[str, Sequence[Seen]], looks: Sequence[int], *, margin: float, level: float
) -> dict[str, Judged]:
    """Judge each method at its last look, so that all looks together keep the error rates.

    The p-values are those over all looks so far (`sequential_p`): of the exact McNemar test, and
    of the two one-sided tests against the margin. Holm's correction is over the methods. The
    interval is a repeated one: it covers the difference at all looks together in at least 1 − 2 ·
    .05 of studies (Jennison and Turnbull, Interim analyses: the repeated confidence interval
    approach, Journal of the Royal Statistical Society B 51, 1989). It is not adjusted for several
    methods.

    Args:
        seen: Method -> what was seen at each of its looks; a method without readable answers is
            never shown to be anything.
        looks: Numbers of users of all planned looks.
        margin: Difference of hit rates below which they are as good as equal.
        level: Significance level of the tests for a difference.
    """
    fractions = np.array(looks) / looks[-1]
    differences = [_p_difference(of_method, fractions) for of_method in seen.values()]
    equivalences = [_p_equivalence(of_method, fractions, margin) for of_method in seen.values()]
    adjusted = zip(holm(np.array(differences)), holm(np.array(equivalences)), strict=True)
    return {
        method: _judged(of_method, fractions, float(p_difference), float(p_equivalence), level)
        for (method, of_method), (p_difference, p_equivalence) in zip(
            seen.items(), adjusted, strict=True
        )
    }


def _p_difference(seen: Sequence[Seen], fractions: np.ndarray) -> float:
    if seen[-1].problem:
        return 1.0
    p_values = [mcnemar(look.wins, look.losses) for look in seen]
    return sequential_p(p_values, fractions[: len(seen)], sides=2)


def _p_equivalence(seen: Sequence[Seen], fractions: np.ndarray, margin: float) -> float:
    if seen[-1].problem:
        return 1.0
    p_values = [equivalence_p_value(look.wins, look.losses, look.n, margin) for look in seen]
    return sequential_p(p_values, fractions[: len(seen)], sides=1)


def _judged(
    seen: Sequence[Seen],
    fractions: np.ndarray,
    p_difference: float,
    p_equivalence: float,
    level: float,
) -> Judged:
    last = seen[-1]
    z = boundaries(fractions[: len(seen)], EQUIVALENCE_LEVEL)[-1]
    low, high = score_interval(last.wins, last.losses, last.n, float(z))
    is_within = p_equivalence <= EQUIVALENCE_LEVEL
    sign = int(np.sign(last.wins - last.losses)) if p_difference <= level else 0
    verdict = last.problem or verdict_of_tests(sign, is_within=is_within)
    return Judged(verdict, low, high, p_difference, p_equivalence)


def is_settled(judged: Judged) -> bool:
    """Return whether nothing more needs to be asked about a method."""
    return judged.verdict != UNCLEAR
