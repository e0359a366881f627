"""Equivalence of paired shares, and always-valid tests: oracles and error rates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from microrank.evaluation.always_valid import always_valid_p, e_value
from microrank.evaluation.equivalence import (
    equivalence_p_value,
    score_statistic,
    tango_interval,
)
from microrank.evaluation.power import users_for_equivalence
from scipy.optimize import minimize_scalar
from scipy.stats import beta, binom, norm

MARGIN = 0.05


def slow_statistic(wins: int, losses: int, n: int, difference: float) -> float:
    """The score statistic with the most likely share of losses found by a search."""
    least, most = max(0.0, -difference), (1 - difference) / 2

    def minus_log_likelihood(q: float) -> float:
        shares = np.array([q + difference, q, 1 - 2 * q - difference])
        users = np.array([wins, losses, n - wins - losses])
        return -float(np.sum(users * np.log(np.maximum(shares, 1e-300))))

    q = minimize_scalar(
        minus_log_likelihood, bounds=(least, most), method="bounded", options={"xatol": 1e-12}
    ).x
    return (wins - losses - n * difference) / np.sqrt(n * (2 * q + difference * (1 - difference)))


@pytest.mark.parametrize("difference", [-0.3, -0.05, 0.02, 0.05, 0.25])
@pytest.mark.parametrize(("wins", "losses", "n"), [(3, 7, 40), (25, 20, 100), (1, 0, 44)])
def test_the_score_statistic_is_that_of_the_constrained_maximum_likelihood(
    wins: int, losses: int, n: int, difference: float
) -> None:
    slow = slow_statistic(wins, losses, n, difference)
    assert score_statistic(wins, losses, n, difference) == pytest.approx(slow, abs=1e-4)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 200), st.sampled_from([0.8, 0.9]))
def test_the_interval_ends_where_the_score_test_rejects_and_mirrors_when_sides_are_exchanged(
    wins: int, losses: int, others: int, confidence: float
) -> None:
    n = wins + losses + others + 1
    low, high = tango_interval(wins, losses, n, confidence)
    assert -1 <= low <= (wins - losses) / n <= high <= 1
    assert tango_interval(losses, wins, n, confidence) == pytest.approx((-high, -low), abs=1e-9)
    z = norm.ppf((1 + confidence) / 2)
    assert abs(score_statistic(wins, losses, n, low)) == pytest.approx(z, abs=1e-3)
    assert abs(score_statistic(wins, losses, n, high)) == pytest.approx(z, abs=1e-3)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 2000))
def test_two_one_sided_tests_agree_with_the_ninety_percent_interval(
    wins: int, losses: int, others: int
) -> None:
    n = wins + losses + others
    low, high = tango_interval(wins, losses, n, 0.9)
    p = equivalence_p_value(wins, losses, n, MARGIN)
    if abs(p - 0.05) > 1e-6:
        assert (p <= 0.05) == (low > -MARGIN and high < MARGIN)


def error_rate(n: int, differing: float, studies: int) -> float:
    """How often a true difference of the margin is called none."""
    random = np.random.default_rng(n)
    shares = [(differing + MARGIN) / 2, (differing - MARGIN) / 2, 1 - differing]
    drawn = random.multinomial(n, shares, size=studies)
    called = [equivalence_p_value(int(b), int(c), n, MARGIN) <= 0.05 for b, c, _ in drawn]
    return float(np.mean(called))


@pytest.mark.parametrize(("n", "differing"), [(100, 0.2), (400, 0.44), (1600, 0.44)])
def test_a_difference_of_the_margin_is_called_none_in_at_most_one_of_twenty_studies(
    n: int, differing: float
) -> None:
    assert error_rate(n, differing, 4000) <= 0.057


@pytest.mark.soak
@pytest.mark.parametrize("differing", [0.06, 0.2, 0.41, 0.47])
@pytest.mark.parametrize("n", [50, 100, 400, 1000, 1600])
def test_ten_thousand_studies_keep_the_error_rate_of_equivalence(n: int, differing: float) -> None:
    rate = error_rate(n, differing, 10_000)
    print(f"equivalent: n = {n}, {differing:.0%} differ: {rate}")
    assert rate <= 0.057


def test_equal_methods_are_found_equivalent_with_as_many_users_as_the_plan_says() -> None:
    random = np.random.default_rng(3)
    drawn = random.multinomial(1600, [0.22, 0.22, 0.56], size=1000)
    called = [equivalence_p_value(int(b), int(c), 1600, MARGIN) <= 0.05 for b, c, _ in drawn]
    assert np.mean(called) > 0.8


@pytest.mark.parametrize("differing", [0.2, 0.44])
def test_as_many_users_as_are_said_to_be_needed_show_equivalence_four_times_out_of_five(
    differing: float,
) -> None:
    n = users_for_equivalence(differing, MARGIN)
    shares = [differing / 2, differing / 2, 1 - differing]
    drawn = np.random.default_rng(5).multinomial(n, shares, size=2000)
    called = [equivalence_p_value(int(b), int(c), n, MARGIN) <= 0.05 for b, c, _ in drawn]
    assert np.mean(called) == pytest.approx(0.8, abs=0.035)


def test_a_difference_without_a_user_who_differs_has_a_finite_interval() -> None:
    low, high = tango_interval(0, 0, 100, 0.9)
    z = norm.ppf(0.95)
    assert high == -low == pytest.approx(z**2 / (100 + z**2), abs=1e-9)
    assert tango_interval(0, 0, 0) == (-1, 1)


def test_the_e_value_is_the_mixture_of_likelihood_ratios() -> None:
    p = (np.arange(200_000) + 0.5) / 200_000
    quantiles = beta.ppf(p, 0.5, 0.5)
    for wins, losses in ((0, 0), (7, 2), (15, 15)):
        ratios = binom.pmf(wins, wins + losses, quantiles) / binom.pmf(wins, wins + losses, 0.5)
        assert e_value(wins, losses) == pytest.approx(ratios.mean(), rel=1e-3)


def test_the_e_value_has_mean_one_under_the_null_hypothesis() -> None:
    for n in (1, 5, 60):
        wins = np.arange(n + 1)
        values = np.array([e_value(int(b), int(n - b)) for b in wins])
        assert binom.pmf(wins, n, 0.5) @ values == pytest.approx(1, rel=1e-9)


def test_looking_a_thousand_times_finds_nothing_in_at_least_nineteen_of_twenty_null_studies() -> (
    None
):
    random = np.random.default_rng(4)
    wins = np.cumsum(random.random((400, 1000)) < 0.5, axis=1)
    looks = np.arange(1, 1001)
    found = 0
    for of_study in wins:
        p = min(
            always_valid_p(e_value(int(b), int(n - b)))
            for b, n in zip(of_study[9::10], looks[9::10], strict=True)
        )
        found += p <= 0.05
    assert found / 400 <= 0.057
