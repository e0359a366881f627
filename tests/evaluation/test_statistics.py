"""Intervals, tests and power: against scipy, by definition, and by simulation."""

import itertools

import numpy as np
import pytest
from microrank.evaluation.holm import holm
from microrank.evaluation.intervals import wilson_interval
from microrank.evaluation.paired import joint_histogram, mcnemar, percentile_interval, resampled_means, wins_and_losses
from microrank.evaluation.power import detectable_difference, users_needed
from scipy.stats import binomtest, false_discovery_control


@pytest.mark.parametrize(("hits", "n"), [(0, 1), (1, 1), (0, 100), (38, 100), (100, 100), (2939, 100_000)])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_wilson_interval_is_scipys(hits, n, confidence) -> None:
    expected = binomtest(hits, n).proportion_ci(confidence, method="wilson")
    assert wilson_interval(hits, n, confidence) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_interval_without_users_is_everything() -> None:
    assert wilson_interval(0, 0) == (0, 1)


def test_mcnemar_is_the_exact_sign_test_of_scipy() -> None:
    for wins, losses in itertools.product(range(15), range(15)):
        expected = binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
        assert mcnemar(wins, losses) == pytest.approx(expected, abs=1e-12)


def test_holm_against_its_definition_and_between_bonferroni_and_benjamini_hochberg() -> None:
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])
    random = np.random.default_rng(1)
    for m in (1, 2, 7, 40):
        p = random.uniform(0, 0.2, m) ** 2
        assert (holm(p) <= np.minimum(p * m, 1)).all()
        assert (holm(p) >= false_discovery_control(p) - 1e-12).all()
        assert (np.diff(holm(p)[np.argsort(p)]) >= 0).all()
    assert len(holm(np.array([]))) == 0


def test_the_bootstrap_of_the_histogram_is_that_of_users() -> None:
    random = np.random.default_rng(2)
    ranks, baseline = random.integers(0, 6, 300), random.integers(0, 6, 300)
    joint = joint_histogram(ranks, baseline, 5)
    assert joint.sum() == 300
    assert joint[ranks[0], baseline[0]] == ((ranks == ranks[0]) & (baseline == baseline[0])).sum()
    values = 1.0 / np.arange(1, 7)
    cells = np.indices(joint.shape).reshape(2, -1)
    fast = resampled_means((values[cells[0]] - values[cells[1]])[:, None], joint.ravel(), 20_000, np.random.default_rng(3))[:, 0]
    difference = values[ranks] - values[baseline]
    slow = difference[np.random.default_rng(4).integers(0, 300, (20_000, 300))].mean(axis=1)
    assert fast.mean() == pytest.approx(slow.mean(), abs=0.001)
    np.testing.assert_allclose(np.quantile(fast, [0.025, 0.975]), np.quantile(slow, [0.025, 0.975]), atol=0.003)
    assert wins_and_losses(values, joint) == ((difference > 0).sum(), (difference < 0).sum())


def test_a_thousand_studies_without_a_difference_keep_the_false_positive_rate() -> None:
    """Two methods that shuffle: McNemar's exact test stays below its level, the paired bootstrap interval near it."""
    random = np.random.default_rng(6)
    rejected = excluded = 0
    hit = (np.arange(21) >= 1) & (np.arange(21) <= 10)
    cells = np.indices((21, 21)).reshape(2, -1)
    difference = (hit[cells[0]].astype(float) - hit[cells[1]])[:, None]
    for _ in range(1000):
        joint = joint_histogram(random.integers(1, 21, 100), random.integers(1, 21, 100), 20)
        rejected += mcnemar(*wins_and_losses(hit.astype(float), joint)) <= 0.05
        low, high = percentile_interval(resampled_means(difference, joint.ravel(), 500, random), 0.95)
        excluded += not low[0] <= 0 <= high[0]
    assert 10 <= rejected <= 50
    assert 25 <= excluded <= 80


def test_holm_keeps_the_family_wise_rate_over_a_thousand_null_studies() -> None:
    p = np.random.default_rng(7).uniform(size=(1000, 12))
    wrong = sum((holm(row) <= 0.05).any() for row in p)
    assert 30 <= wrong <= 70


def test_a_detectable_difference_is_detected_as_often_as_it_says() -> None:
    random = np.random.default_rng(8)
    n, differing = 2000, 0.3
    difference = detectable_difference(n, differing)
    share_of_wins = (differing + difference) / 2
    draws = random.multinomial(n, [share_of_wins, differing - share_of_wins, 1 - differing], size=1500)
    p = {(wins, losses): mcnemar(wins, losses) for wins, losses, _ in draws}
    power = np.mean([p[wins, losses] <= 0.05 for wins, losses, _ in draws])
    assert power == pytest.approx(0.8, abs=0.045)  # a little less, as the exact test is conservative
    assert users_needed(difference, differing) == pytest.approx(n, abs=1)


@pytest.mark.parametrize(("n", "differing"), [(0, 0.5), (100, 0.0), (1, 0.5), (5, 0.01)])
def test_no_difference_is_detectable_with_too_few_users(n, differing) -> None:
    assert np.isnan(detectable_difference(n, differing))
