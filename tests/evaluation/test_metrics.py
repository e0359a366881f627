"""Each metric's value by hand, at its edges, and as ranx has it."""

import numpy as np
import pytest
from microrank.evaluation.expectation import shuffle_expectation, shuffle_hits_range
from microrank.evaluation.hit_rate import hit_rate
from microrank.evaluation.mrr import reciprocal_rank
from microrank.evaluation.ndcg import ndcg

METRICS = [hit_rate, ndcg, reciprocal_rank]


@pytest.mark.parametrize(
    ("metric", "expected"),
    [(hit_rate, [1, 1, 1, 0, 0]), (ndcg, [1, 1 / np.log2(3), 0.5, 0, 0]), (reciprocal_rank, [1, 1 / 2, 1 / 3, 0, 0])],
)
def test_a_metric_at_three_knows_ranks_inside_outside_and_absent(metric, expected) -> None:
    np.testing.assert_allclose(metric(np.array([1, 2, 3, 4, 0]), 3), expected)


@pytest.mark.parametrize("metric", METRICS)
def test_an_absent_item_never_counts_however_long_the_list(metric) -> None:
    assert metric(np.zeros(3, np.int64), 10**6).sum() == 0


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("cutoff", [1, 7, 20])
def test_a_shuffle_expects_the_mean_of_very_many_shuffles(metric, cutoff) -> None:
    random = np.random.default_rng(3)
    ranks = np.where(np.arange(400_000) % 4 > 0, random.integers(1, 21, 400_000), 0)
    assert shuffle_expectation(metric, 3, 4, 20, cutoff) == pytest.approx(metric(ranks, cutoff).mean(), abs=0.004)


def test_a_shuffle_of_the_studys_hundred_lists_expects_25_and_50_hits() -> None:
    assert shuffle_expectation(hit_rate, 100, 100, 20, 5) * 100 == pytest.approx(25)
    assert shuffle_expectation(hit_rate, 100, 100, 20, 10) * 100 == pytest.approx(50)


@pytest.mark.parametrize("cutoff", [1, 5, 10, 20])
def test_single_shuffles_lie_in_their_range_as_often_as_it_says_and_no_narrower_range_would_do(cutoff) -> None:
    low, high = shuffle_hits_range(100, 20, cutoff)
    hits = np.random.default_rng(4).binomial(100, cutoff / 20, 200_000)
    assert ((low <= hits) & (hits <= high)).mean() >= 0.949
    assert cutoff == 20 or (hits < low).mean() <= 0.026
    assert cutoff == 20 or (hits <= low).mean() >= 0.024


@pytest.mark.soak  # ranx compiles for half a minute
def test_ranx_agrees_on_every_metric() -> None:
    ranx = pytest.importorskip("ranx", reason="ranx is not installed")
    random = np.random.default_rng(5)
    ranks = random.integers(0, 21, 200)
    qrels = ranx.Qrels({str(user): {"truth": 1} for user in range(200)})
    lists = {
        str(user): {("truth" if place == rank else f"item {place}"): 100.0 - place for place in range(1, 21)}
        for user, rank in enumerate(ranks)
    }
    found = ranx.evaluate(qrels, ranx.Run(lists), ["hit_rate@5", "ndcg@10", "mrr@20"])
    assert found["hit_rate@5"] == pytest.approx(hit_rate(ranks, 5).mean())
    assert found["ndcg@10"] == pytest.approx(ndcg(ranks, 10).mean())
    assert found["mrr@20"] == pytest.approx(reciprocal_rank(ranks, 20).mean())
