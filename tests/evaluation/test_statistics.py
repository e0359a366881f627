"""Intervals, tests and power: against scipy, by definition, and by simulation."""

import itertools

import numpy as np
import pytest
from microrank.evaluation.expectation import shuffle_p_value
from microrank.evaluation.holm import holm
from microrank.evaluation.intervals import newcombe_interval, of_finite_population, wilson_interval
from microrank.evaluation.paired import (
    joint_histogram,
    mcnemar,
    percentile_interval,
    resampled_means,
    wins_and_losses,
)
from microrank.evaluation.power import (
    detectable_difference,
    excludable_margin,
    mcnemar_power,
    unrelated_discordance,
    users_for_equivalence,
    users_needed,
)
from scipy.stats import binomtest, bootstrap, false_discovery_control, multinomial, norm


@pytest.mark.parametrize(
    ("hits", "n"), [(0, 1), (1, 1), (0, 100), (38, 100), (100, 100), (2939, 100_000)]
)
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_wilson_interval_is_scipys(hits, n, confidence) -> None:
    expected = binomtest(hits, n).proportion_ci(confidence, method="wilson")
    assert wilson_interval(hits, n, confidence) == pytest.approx(
        (expected.low, expected.high), abs=1e-12
    )


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
    fast = resampled_means(
        (values[cells[0]] - values[cells[1]])[:, None],
        joint.ravel(),
        20_000,
        np.random.default_rng(3),
    )[:, 0]
    difference = values[ranks] - values[baseline]
    slow = difference[np.random.default_rng(4).integers(0, 300, (20_000, 300))].mean(axis=1)
    assert fast.mean() == pytest.approx(slow.mean(), abs=0.001)
    np.testing.assert_allclose(
        np.quantile(fast, [0.025, 0.975]), np.quantile(slow, [0.025, 0.975]), atol=0.003
    )
    assert wins_and_losses(values, joint) == ((difference > 0).sum(), (difference < 0).sum())


def test_a_thousand_studies_without_a_difference_keep_the_false_positive_rate() -> None:
    """Two methods that shuffle: McNemar's test stays below its level, the bootstrap near it."""
    random = np.random.default_rng(6)
    rejected = excluded = 0
    hit = (np.arange(21) >= 1) & (np.arange(21) <= 10)
    cells = np.indices((21, 21)).reshape(2, -1)
    difference = (hit[cells[0]].astype(float) - hit[cells[1]])[:, None]
    for _ in range(1000):
        joint = joint_histogram(random.integers(1, 21, 100), random.integers(1, 21, 100), 20)
        rejected += mcnemar(*wins_and_losses(hit.astype(float), joint)) <= 0.05
        low, high = percentile_interval(
            resampled_means(difference, joint.ravel(), 500, random), 0.95
        )
        excluded += not low[0] <= 0 <= high[0]
    assert 10 <= rejected <= 50
    assert 25 <= excluded <= 80


def test_holm_keeps_the_family_wise_rate_over_a_thousand_null_studies() -> None:
    p = np.random.default_rng(7).uniform(size=(1000, 12))
    wrong = sum((holm(row) <= 0.05).any() for row in p)
    assert 30 <= wrong <= 70


@pytest.mark.parametrize("level", [0.05, 0.05 / 28])
@pytest.mark.parametrize(
    ("differing", "difference"), [(0.4, 0.3), (0.4, -0.3), (1.0, 0.6), (0.3, 0.0)]
)
def test_the_power_is_the_probability_of_all_outcomes_that_scipys_sign_test_rejects(
    level, differing, difference
) -> None:
    n, share_of_wins = 30, (differing + difference) / 2
    outcomes = [
        (wins, losses) for wins in range(n + 1) for losses in range(n + 1 - wins) if wins + losses
    ]
    rejected = [
        (wins, losses, n - wins - losses)
        for wins, losses in outcomes
        if binomtest(wins, wins + losses).pvalue <= level
    ]
    expected = multinomial.pmf(
        rejected, n, [share_of_wins, differing - share_of_wins, 1 - differing]
    ).sum()
    assert mcnemar_power(n, differing, difference, level) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize(
    ("n", "level"), [(100, 0.05), (100, 0.05 / 44), (2000, 0.05), (2000, 0.05 / 44)]
)
def test_a_detectable_difference_is_detected_as_often_as_it_says(n, level) -> None:
    differing = 0.36
    difference = detectable_difference(n, differing, level)
    share_of_wins = (differing + difference) / 2
    draws = np.random.default_rng(8).multinomial(
        n, [share_of_wins, differing - share_of_wins, 1 - differing], size=1500
    )
    p = {(wins, losses): mcnemar(wins, losses) for wins, losses, _ in draws}
    assert np.mean([p[wins, losses] <= level for wins, losses, _ in draws]) == pytest.approx(
        0.8, abs=0.035
    )
    assert mcnemar_power(n, differing, difference, level) == pytest.approx(0.8, abs=1e-4)
    assert users_needed(difference, differing, level) == pytest.approx(n, rel=0.01)


def test_a_study_of_a_hundred_users_finds_sixteen_hits_seldom_once_it_corrects_for_many_tests() -> (
    None
):
    assert mcnemar_power(100, 0.36, 0.16) == pytest.approx(0.73, abs=0.01)
    assert mcnemar_power(100, 0.36, 0.16, 0.05 / 44) == pytest.approx(0.23, abs=0.01)


@pytest.mark.parametrize(("n", "differing"), [(0, 0.5), (100, 0.0), (1, 0.5), (5, 0.01)])
def test_no_difference_is_detectable_with_too_few_users(n, differing) -> None:
    assert np.isnan(detectable_difference(n, differing))


# Newcombe (1998), table II, method 10.
@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((56, 70), (48, 80), (0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.1705, 0.8090)),
        ((6, 7), (2, 7), (0.0582, 0.8062)),
        ((5, 56), (0, 29), (-0.0381, 0.1926)),
        ((0, 10), (0, 20), (-0.1611, 0.2775)),
        ((0, 10), (0, 10), (-0.2775, 0.2775)),
        ((10, 10), (0, 20), (0.6791, 1.0)),
        ((10, 10), (0, 10), (0.6075, 1.0)),
    ],
)
def test_the_interval_between_two_samples_is_that_of_newcombes_table(
    first, second, expected
) -> None:
    assert newcombe_interval(*first, *second) == pytest.approx(expected, abs=5e-5)
    assert newcombe_interval(*second, *first) == pytest.approx(
        (-expected[1], -expected[0]), abs=5e-5
    )


@pytest.mark.parametrize("n", [100, 2000])
def test_two_samples_with_the_same_rate_are_found_to_differ_at_the_level(n) -> None:
    random = np.random.default_rng(9)
    pairs = np.stack([random.binomial(100, 0.4, 4000), random.binomial(n, 0.4, 4000)], axis=1)
    known = {(a, b): newcombe_interval(a, 100, b, n) for a, b in map(tuple, pairs.tolist())}
    differs = np.mean(
        [not low <= 0 <= high for low, high in (known[a, b] for a, b in map(tuple, pairs.tolist()))]
    )
    assert differs == pytest.approx(0.05, abs=0.012)


def _coverage(population: np.ndarray, n: int, corrected: bool) -> float:
    """How often the interval of a mean over n users holds the population's mean."""
    random = np.random.default_rng(10)
    size, truth, inside = len(population), population.mean(), 0
    for _ in range(1500):
        drawn = random.choice(population, n, replace=False)
        if set(np.unique(population)) <= {0, 1}:
            low, high = wilson_interval(int(drawn.sum()), n)
        else:
            _, counts = np.unique(drawn, return_counts=True)
            (low,), (high,) = percentile_interval(
                resampled_means(np.unique(drawn)[:, None], counts, 400, random), 0.95
            )
        low, high = (
            of_finite_population(drawn.mean(), low, high, n, size) if corrected else (low, high)
        )
        inside += low <= truth <= high
    return inside / 1500


@pytest.mark.parametrize(("n", "size"), [(100, 200), (2000, 3490)])
def test_the_interval_of_users_drawn_from_few_holds_their_mean_as_often_as_it_says(n, size) -> None:
    rate = (np.arange(size) % 5 < 3).astype(float)
    difference = np.resize([1.0, 1.0, -1.0, 0.0, 0.0, 0.0, 0.0], size)
    for population in (rate, difference):
        assert _coverage(population, n, corrected=True) == pytest.approx(0.95, abs=0.02)
        assert _coverage(population, n, corrected=False) > 0.97, "too wide without the correction"


def test_nothing_is_left_to_chance_once_everybody_was_drawn() -> None:
    assert of_finite_population(0.4, 0.3, 0.5, 100, 100) == (0.4, 0.4)
    assert of_finite_population(1.0, 0.2, 1.0, 1, 1) == (1.0, 1.0)
    assert of_finite_population(0.4, 0.3, 0.5, 1, 10**9) == pytest.approx((0.3, 0.5))


@pytest.mark.parametrize(
    ("in_list", "k", "cutoff"),
    [(100, 20, 5), (100, 20, 10), (37, 20, 1), (3, 7, 3), (0, 20, 5), (10, 5, 5)],
)
def test_the_p_value_against_a_shuffle_is_twice_scipys_smaller_one_sided(
    in_list, k, cutoff
) -> None:
    for hits in range(in_list + 1 if cutoff < k else 0):
        sides = [
            binomtest(hits, in_list, cutoff / k, side).pvalue if in_list else 1.0
            for side in ("less", "greater")
        ]
        assert shuffle_p_value(hits, in_list, k, cutoff) == pytest.approx(
            min(1, 2 * min(sides)), abs=1e-12
        )
    assert shuffle_p_value(in_list, in_list, k, k) == 1, "at full length every list is a hit"


def test_shuffles_of_lists_are_told_from_shuffles_no_more_often_than_the_level() -> None:
    """Real shuffles of lists, not draws from the test's distribution; some lists lack the item."""
    random = np.random.default_rng(11)
    lists = random.permuted(
        np.tile(np.arange(1, 21), (2000, 80, 1)), axis=2
    )  # [study, user, place]
    ranks = np.argmax(lists == 7, axis=2) + 1
    ranks[:, 60:] = 0
    for cutoff in (5, 10):
        p = np.array(
            [
                shuffle_p_value(int(((one > 0) & (one <= cutoff)).sum()), 60, 20, cutoff)
                for one in ranks
            ]
        )
        assert 0.015 <= (p <= 0.05).mean() <= 0.055
        assert p.min() < 0.01


def test_the_paired_bootstrap_interval_is_scipys() -> None:
    random = np.random.default_rng(12)
    ranks, baseline = random.integers(0, 11, 200), random.integers(0, 11, 200)
    values = np.concatenate([[0.0], 1 / np.arange(1, 11)])
    difference = values[ranks] - values[baseline]
    expected = bootstrap(
        (difference,),
        np.mean,
        n_resamples=20_000,
        method="percentile",
        rng=np.random.default_rng(13),
    )
    cells = np.indices((11, 11)).reshape(2, -1)
    quantity = (values[cells[0]] - values[cells[1]])[:, None]
    means = resampled_means(quantity, joint_histogram(ranks, baseline, 10).ravel(), 20_000, random)
    (low,), (high,) = percentile_interval(means, 0.95)
    assert (low, high) == pytest.approx(expected.confidence_interval, abs=0.003)


def called_different(n: int, differing: float, rows: int, studies: int) -> float:
    """How often any of several methods that equal the recommender is called different."""
    random = np.random.default_rng([n, rows])
    shares = [differing / 2, differing / 2, 1 - differing]
    drawn = random.multinomial(n, shares, size=(studies, rows))
    wrong = 0
    for of_study in drawn.tolist():
        p_values = np.array([mcnemar(wins, losses) for wins, losses, _ in of_study])
        wrong += bool((holm(p_values) <= 0.05).any())
    return wrong / studies


@pytest.mark.parametrize("rows", [1, 4])
def test_equal_methods_are_called_different_in_at_most_one_of_twenty_studies(rows: int) -> None:
    assert called_different(400, 0.44, rows, 1000) <= 0.057


@pytest.mark.soak
@pytest.mark.parametrize("rows", [1, 4])
@pytest.mark.parametrize("differing", [0.06, 0.2, 0.41, 0.47])
@pytest.mark.parametrize("n", [50, 100, 400, 1600])
def test_ten_thousand_studies_keep_the_error_rate_of_differences(
    n: int, differing: float, rows: int
) -> None:
    rate = called_different(n, differing, rows, 10_000)
    print(f"different: n = {n}, {differing:.0%} differ, {rows} rows: {rate}")
    assert rate <= 0.057


@pytest.mark.parametrize(("n", "differing", "level"), [(100, 0.5, 0.05), (1600, 0.2, 0.0125)])
def test_the_margin_that_is_excluded_is_the_inverse_of_the_users_for_equivalence(
    n: int, differing: float, level: float
) -> None:
    margin = excludable_margin(n, differing, level)
    z = norm.isf(level) + norm.isf(0.1)
    assert margin == pytest.approx(z * np.sqrt(differing / n))
    assert users_for_equivalence(differing, margin * (1 + 1e-9), level) == n


@pytest.mark.parametrize(("cutoff", "k", "listed"), [(10, 20, 1.0), (5, 20, 0.6), (3, 4, 0.9)])
def test_unrelated_orders_differ_as_often_as_drawn_ones(cutoff: int, k: int, listed: float) -> None:
    random, n = np.random.default_rng(7), 20_000
    ranks = np.where(random.random(n) < listed, random.integers(1, k + 1, n), 0)
    others = np.where(ranks > 0, random.integers(1, k + 1, n), 0)
    hits, hits_of_others = ((of > 0) & (of <= cutoff) for of in (ranks, others))
    share = unrelated_discordance(int((ranks > 0).sum()), n, cutoff, k, int(hits.sum()))
    assert (hits != hits_of_others).mean() == pytest.approx(share, abs=0.01)
