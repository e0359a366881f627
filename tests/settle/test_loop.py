"""Planned looks: planted models end in the right verdict, at the promised error rates."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from microrank.errors import StudyError
from microrank.evaluation.equivalence import equivalence_p_value
from microrank.evaluation.group_sequential import nominal_levels
from microrank.evaluation.paired import mcnemar
from microrank.evaluation.verdicts import (
    BETTER,
    NO_DIFFERENCE,
    SLIGHTLY_BETTER,
    UNCLEAR,
    UNREADABLE,
    WORSE,
)
from microrank.services.failures import BudgetReached
from microrank.settle.looks import Seen, judge, planned_looks
from microrank.settle.loop import NO_MORE_TIME, NO_MORE_USERS, SETTLED, Course, settle_study
from microrank.settle.page import settled_page
from settle.planted import Planted

LOOKS = [100, 200, 400, 800, 1600, 2400]
MARGIN, LEVEL, DIFFERING = 0.05, 0.05, 0.44  # 41 to 47 % differed in the study


def settled(study: Planted, looks: Sequence[int] = LOOKS, see=None, **more: object) -> Course:
    methods = list(study.outcomes)
    given = {"margin": MARGIN, "level": LEVEL, **more}
    return settle_study(looks, methods, see or study.see, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("difference", "verdict", "at_most"),
    [(0.15, BETTER, 800), (-0.15, WORSE, 800), (0.0, NO_DIFFERENCE, 2400)],
)
def test_a_planted_model_ends_in_the_right_verdict(
    difference: float, verdict: str, at_most: int
) -> None:
    course = settled(Planted(1, DIFFERING, {"model": difference}, 2400))
    last = course.last["model"]
    assert last.judged.verdict == verdict
    assert last.seen.n <= at_most
    assert course.reason == SETTLED
    assert last.judged.low < difference < last.judged.high


def test_a_model_that_is_better_by_less_than_the_margin_says_so() -> None:
    course = settled(Planted(3, 0.05, {"model": 0.02}, 2400))
    assert course.last["model"].judged.verdict in (SLIGHTLY_BETTER, NO_DIFFERENCE)
    judged = judge({"model": [Seen(2400, 0, 0, 90, 30)]}, [2400], margin=MARGIN, level=LEVEL)
    assert judged["model"].verdict == SLIGHTLY_BETTER


def test_a_settled_method_is_not_asked_about_again_and_the_others_are() -> None:
    study = Planted(1, DIFFERING, {"better": 0.2, "equal": 0.0}, 2400)
    course = settled(study)
    n_better = course.last["better"].seen.n
    assert [methods for n, methods in study.asked if n > n_better] == [("equal",)] * sum(
        n > n_better for n, _ in study.asked
    )
    assert n_better < course.last["equal"].seen.n
    assert course.last["equal"].judged.verdict == NO_DIFFERENCE


def test_all_users_without_a_verdict_end_in_cannot_tell_with_the_reason() -> None:
    course = settled(Planted(5, DIFFERING, {"model": 0.03}, 400), looks=[100, 400])
    assert course.last["model"].judged.verdict == UNCLEAR
    assert course.reason == NO_MORE_USERS
    assert not course.is_settled


def test_unreadable_answers_end_the_looks_whatever_the_numbers_say() -> None:
    study = Planted(1, DIFFERING, {"model": 0.3}, 2400)
    course = settled(study, see=lambda n, methods: {"model": study.seen("model", n, UNREADABLE)})
    assert [step.judged.verdict for step in course.steps] == [UNREADABLE]
    assert course.steps[0].judged.p_difference == 1


def test_a_budget_that_is_reached_ends_the_looks_with_what_was_seen_before() -> None:
    study = Planted(5, DIFFERING, {"model": 0.0}, 2400)

    def see(n: int, methods: Sequence[str]) -> dict[str, Seen]:
        if n > 200:
            raise BudgetReached("the next request could cross budget.usd")
        return study.see(n, methods)

    course = settled(study, see=see)
    assert [step.seen.n for step in course.steps] == [100, 200]
    assert "budget.usd" in course.reason
    assert not course.is_settled


def test_no_look_begins_after_the_time() -> None:
    study = Planted(5, DIFFERING, {"model": 0.0}, 2400)
    course = settled(study, has_time=lambda: len(study.asked) < 2)
    assert [n for n, _ in study.asked] == [100, 200]
    assert course.reason == NO_MORE_TIME
    assert settled(study, has_time=lambda: False).steps == []


def test_a_study_without_a_language_model_settles_nothing() -> None:
    with pytest.raises(StudyError, match="`methods` names no language model"):
        settle_study(LOOKS, [], lambda n, methods: {}, margin=MARGIN, level=LEVEL)


def test_the_page_calls_a_simulated_model_simulated() -> None:
    course = settled(Planted(1, DIFFERING, {"model": 0.15}, 2400))
    told = {"study": "shop", "recommender": "NFM", "cutoff": 10, "margin": MARGIN}
    assert "**`model` is simulated.**" in settled_page(course, **told, simulated=["model"])
    assert "simulated" not in settled_page(course, **told)


def test_looks_grow_and_end_at_all_users() -> None:
    assert planned_looks([100, 200, "all"], 5000) == [100, 200, 5000]
    assert planned_looks([100, 200, "all"], 150) == [100, 150]
    assert planned_looks([200, 100], 5000) == [100, 200]


def test_the_page_shows_the_course_and_the_reason() -> None:
    course = settled(Planted(1, DIFFERING, {"model": 0.15}, 2400))
    page = settled_page(course, study="shop", recommender="NFM", cutoff=10, margin=MARGIN)
    assert f"**`model`: better ({course.last['model'].seen.n:,} users).**" in page
    assert page.count("| `model` |") == len(course.steps)
    assert "The looks ended because every verdict is settled." in page
    assert "`shop`" in page
    nothing = settled_page(
        Course(LOOKS, [], NO_MORE_TIME), study="shop", recommender="NFM", cutoff=10, margin=MARGIN
    )
    assert "Nothing was looked at: `looks.hours` have passed." in nothing


def found(differing: float, difference: float, studies: int, seed: int) -> Counter:
    """How often the looks call a study different, or equivalent.

    The levels at each look stand for the p-value over looks, as another test holds them together.
    """
    random = np.random.default_rng(seed)
    shares = [(differing + difference) / 2, (differing - difference) / 2, 1 - differing]
    fractions = np.array(LOOKS) / LOOKS[-1]
    two_sided = nominal_levels(fractions, LEVEL, sides=2)
    one_sided = nominal_levels(fractions, 0.05, sides=1)
    drawn = random.multinomial(np.diff([0, *LOOKS]), shares, size=(studies, len(LOOKS)))
    counts: Counter = Counter()
    for of_study in np.cumsum(drawn, axis=1):
        rows = list(zip(of_study.tolist(), LOOKS, two_sided, one_sided, strict=True))
        counts["different"] += any(mcnemar(b, c) <= level for (b, c, _), _, level, _ in rows)
        counts["equivalent"] += any(
            equivalence_p_value(b, c, n, MARGIN) <= level for (b, c, _), n, _, level in rows
        )
    return counts


@pytest.mark.parametrize("differing", [0.2, 0.44])
def test_looking_six_times_finds_nothing_in_nineteen_of_twenty_studies_of_nothing(
    differing: float,
) -> None:
    assert found(differing, 0, 600, 1)["different"] / 600 <= 0.057
    assert found(differing, MARGIN, 600, 2)["equivalent"] / 600 <= 0.057


@pytest.mark.soak
@pytest.mark.parametrize("differing", [0.06, 0.2, 0.41, 0.47])
def test_ten_thousand_studies_keep_the_error_rates_of_planned_looks(differing: float) -> None:
    rates = {
        "different": found(differing, 0, 10_000, 3)["different"] / 10_000,
        "equivalent": found(differing, MARGIN, 10_000, 4)["equivalent"] / 10_000,
    }
    print(f"planned looks, {differing:.0%} differ: {rates}")
    assert max(rates.values()) <= 0.057


def test_several_models_that_are_all_equal_are_rarely_called_different() -> None:
    wrong = 0
    for seed in range(60):
        study = Planted(seed, DIFFERING, dict.fromkeys("abc", 0.0), 400)
        course = settled(study, looks=[100, 200, 400])
        wrong += any(step.judged.verdict in (BETTER, WORSE) for step in course.steps)
    assert wrong / 60 <= 0.12  # .05, and three standard errors of 60 studies
