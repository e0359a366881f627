"""Boundaries of planned looks: published values, an integral of another kind, simulation."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import settings as effort
from hypothesis import strategies as st
from microrank.evaluation.group_sequential import (
    boundaries,
    nominal_levels,
    sequential_p,
    spent,
)
from scipy.stats import multivariate_normal, norm

LOOKS = np.array([100, 200, 400, 800, 1600, 2000]) / 2000


@pytest.mark.parametrize(
    ("fractions", "published"),
    [
        # Two-sided .05, function of O'Brien-Fleming type: Lan and DeMets' programme, as in the
        # manuals of ldbounds and gsDesign.
        ([0.2, 0.4, 0.6, 0.8, 1], [4.8769, 3.3569, 2.6803, 2.2898, 2.0310]),
        ([1 / 3, 2 / 3, 1], [3.7103, 2.5114, 1.9930]),
        ([1], [1.9600]),
    ],
)
def test_boundaries_of_equal_looks_are_the_published_ones(
    fractions: list[float], published: list[float]
) -> None:
    assert boundaries(fractions, 0.025) == pytest.approx(published, abs=2e-4)


@pytest.mark.parametrize("level", [0.05, 0.025, 0.01])
@pytest.mark.parametrize("fractions", [[0.1, 0.3, 0.7, 1], [0.5, 0.98, 1], [0.2, 0.25, 0.6]])
def test_paths_cross_as_often_as_a_multivariate_normal_says(
    fractions: list[float], level: float
) -> None:
    bounds, t = boundaries(fractions, level), np.array(fractions)
    correlation = np.sqrt(np.minimum.outer(t, t) / np.maximum.outer(t, t))
    for n_looks in range(2, len(t) + 1):
        part = correlation[:n_looks, :n_looks]
        stays_below = multivariate_normal(cov=part, abseps=1e-8, releps=1e-8).cdf(bounds[:n_looks])
        assert 1 - stays_below == pytest.approx(spent(t[n_looks - 1], level), abs=2e-6)


@effort(max_examples=25)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=6, unique=True), st.floats(0.001, 0.2))
def test_all_looks_together_spend_the_level_and_later_ones_ask_for_less(
    users: list[int], level: float
) -> None:
    fractions = np.sort(users) / max(users)
    levels = nominal_levels(fractions, level, sides=1)
    assert (levels <= level + 1e-9).all()
    assert levels[0] == pytest.approx(spent(fractions[0], level), rel=1e-6, abs=1e-300)
    assert levels.sum() >= level - 1e-9, "not less than is spent, since looks are alike"
    assert spent(1, level) == pytest.approx(level)


@effort(max_examples=25)
@given(
    st.lists(st.floats(1e-9, 1), min_size=1, max_size=6),
    st.sampled_from([1, 2]),
    st.floats(0.001, 0.25),
)
def test_a_p_value_over_looks_is_at_most_a_level_where_a_look_counts_at_it(
    p_values: list[float], sides: int, level: float
) -> None:
    fractions = LOOKS[: len(p_values)]
    p = sequential_p(p_values, fractions, sides)
    assume(abs(p - level) > 1e-6)
    counts = (np.array(p_values) <= nominal_levels(fractions, level, sides)).any()
    assert (p <= level) == counts


def test_one_look_at_all_users_leaves_a_p_value_as_it_is() -> None:
    for p in (0.0001, 0.03, 0.2):
        assert sequential_p([p], [1.0], sides=2) == pytest.approx(p, rel=1e-5)
    assert sequential_p([0.9], [1.0], sides=2) == 1.0


def test_a_later_look_never_raises_the_p_value() -> None:
    p_values = [0.5, 0.04, 0.003, 0.02, 0.9, 0.4]
    over_looks = [
        sequential_p(p_values[:n], LOOKS[:n], sides=2) for n in range(1, len(p_values) + 1)
    ]
    assert all(after <= before + 1e-9 for before, after in pairwise(over_looks))


def test_a_normal_motion_without_a_drift_crosses_in_one_of_twenty_studies() -> None:
    random = np.random.default_rng(7)
    steps = random.normal(0, np.sqrt(np.diff([0, *LOOKS])), (40_000, len(LOOKS)))
    z = np.cumsum(steps, axis=1) / np.sqrt(LOOKS)
    crossed = (2 * norm.sf(np.abs(z)) <= nominal_levels(LOOKS, 0.05, sides=2)).any(axis=1)
    assert crossed.mean() == pytest.approx(0.05, abs=0.004)
