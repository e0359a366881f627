"""Each metric's value by hand, at its edges, and as ranx has it."""

import math

import numpy as np
import pytest
from microrank.evaluation.expectation import shuffle_expectation, shuffle_hits_range
from microrank.evaluation.hit_rate import hit_rate
from microrank.evaluation.mrr import reciprocal_rank
from microrank.evaluation.ndcg import ndcg

METRICS = [hit_rate, ndcg, reciprocal_rank]


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (hit_rate, [1, 1, 1, 0, 0]),
        (ndcg, [1, 1 / np.log2(3), 0.5, 0, 0]),
        (reciprocal_rank, [1, 1 / 2, 1 / 3, 0, 0]),
    ],
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
    assert shuffle_expectation(metric, 3, 4, 20, cutoff) == pytest.approx(
        metric(ranks, cutoff).mean(), abs=0.004
    )


def test_a_shuffle_of_the_studys_hundred_lists_expects_25_and_50_hits() -> None:
    assert shuffle_expectation(hit_rate, 100, 100, 20, 5) * 100 == pytest.approx(25)
    assert shuffle_expectation(hit_rate, 100, 100, 20, 10) * 100 == pytest.approx(50)


@pytest.mark.parametrize("cutoff", [1, 5, 10, 20])
def test_single_shuffles_lie_in_their_range_as_often_as_it_says_and_no_narrower_range_would_do(
    cutoff,
) -> None:
    low, high = shuffle_hits_range(100, 20, cutoff)
    hits = np.random.default_rng(4).binomial(100, cutoff / 20, 200_000)
    assert ((low <= hits) & (hits <= high)).mean() >= 0.949
    assert cutoff == 20 or (hits < low).mean() <= 0.026
    assert cutoff == 20 or (hits <= low).mean() >= 0.024


@pytest.mark.soak  # ranx compiles for half a minute
def test_ranx_agrees_on_every_metric_and_cutoff() -> None:
    ranx = pytest.importorskip("ranx", reason="ranx is not installed")
    ranks = np.random.default_rng(5).integers(0, 21, 200)
    qrels = ranx.Qrels({str(user): {"truth": 1} for user in range(200)})
    lists = {
        str(user): {
            ("truth" if place == rank else f"item {place}"): 100.0 - place for place in range(1, 21)
        }
        for user, rank in enumerate(ranks)
    }
    names = {"hit_rate": hit_rate, "ndcg": ndcg, "mrr": reciprocal_rank}
    of_name = {
        f"{name}@{cutoff}": metric(ranks, cutoff).mean()
        for name, metric in names.items()
        for cutoff in (1, 5, 10, 15, 20)
    }
    found = ranx.evaluate(qrels, ranx.Run(lists), list(of_name))
    assert {name: float(value) for name, value in found.items()} == pytest.approx(of_name)


def test_the_values_are_those_of_a_ranking_written_out() -> None:
    """A second reading of the three formulas, from lists instead of ranks."""
    random = np.random.default_rng(6)
    lists = random.permuted(np.tile(np.arange(30), (200, 1)), axis=1)[
        :, :20
    ]  # the held-out item is 7; in a third of the lists absent
    ranks = np.where((lists == 7).any(axis=1), np.argmax(lists == 7, axis=1) + 1, 0)
    for cutoff in (1, 5, 10, 15, 20):
        tops = [one[:cutoff].tolist() for one in lists]
        assert hit_rate(ranks, cutoff).tolist() == [float(7 in top) for top in tops]
        gains = [
            sum((item == 7) / math.log2(place + 2) for place, item in enumerate(top))
            for top in tops
        ]
        np.testing.assert_allclose(ndcg(ranks, cutoff), gains)
        np.testing.assert_allclose(
            reciprocal_rank(ranks, cutoff),
            [1 / (top.index(7) + 1) if 7 in top else 0.0 for top in tops],
        )
