"""Variance components against hand-made and simulated values whose components are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from microrank.evaluation.variance import binary_components, variance_components


def test_two_groups_of_two_give_the_components_of_a_hand_made_analysis() -> None:
    # Means 1 and 5: between-group mean square 16, within 2, so that (16 − 2) / 2 lies between.
    groups = [np.array([0.0, 2.0]), np.array([4.0, 6.0])]
    assert variance_components(groups) == pytest.approx((7.0, 2.0))


def test_groups_of_other_sizes_weigh_by_searles_coefficient() -> None:
    # Grand mean 3: 1·(2 − 3)² + 3·(10/3 − 3)² = 4/3; within (1 + 1 + 4 − 2·…)/2; n₀ = 4 − 10/4.
    groups = [np.array([2.0]), np.array([1.0, 3.0, 6.0])]
    within = (7 / 3) ** 2 / 2 + (1 / 3) ** 2 / 2 + (8 / 3) ** 2 / 2
    between = (4 / 3 - within) / 1.5
    assert between < 0
    assert variance_components(groups) == pytest.approx((0.0, within))
    apart = [np.array([12.0]), np.array([1.0, 3.0, 6.0])]
    square = (12 - 5.5) ** 2 + 3 * (10 / 3 - 5.5) ** 2
    assert variance_components(apart) == pytest.approx(((square - within) / 1.5, within))


@given(
    st.integers(2, 5).flatmap(
        lambda k: st.lists(st.lists(st.booleans(), min_size=k, max_size=k), min_size=2, max_size=9)
    )
)
def test_a_histogram_of_hits_gives_what_the_values_themselves_give(rows: list[list[bool]]) -> None:
    values = np.array(rows, float)
    histogram = np.bincount(values.sum(axis=1).astype(int), minlength=values.shape[1] + 1)
    expected = variance_components(list(values))
    assert binary_components(histogram) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("a", "b"), [(2.0, 2.0), (0.3, 0.2), (1.0, 3.0)])
def test_beta_binomial_hits_give_their_known_variances(a: float, b: float) -> None:
    random = np.random.default_rng(4)
    n, k = 200_000, 3
    ones = random.binomial(k, random.beta(a, b, n))
    found = binary_components(np.bincount(ones, minlength=k + 1))
    product = a * b / ((a + b) * (a + b + 1))
    assert found.within == pytest.approx(product, rel=0.02)
    assert found.between == pytest.approx(product / (a + b), rel=0.02)


def test_simulated_seeds_give_the_variance_between_them() -> None:
    random = np.random.default_rng(9)
    means = random.normal(0, 2.0, 4000)
    groups = [random.normal(mean, 3.0, random.integers(2, 9)) for mean in means]
    found = variance_components(groups)
    assert found.between == pytest.approx(4.0, rel=0.1)
    assert found.within == pytest.approx(9.0, rel=0.05)
