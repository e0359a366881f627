"""Planted re-rankers get the numbers that are known of them."""

import itertools

import numpy as np
import pyarrow as pa
import pytest
from made_up import as_rankings, made_up_subset, perfect, shuffled, unchanged
from microrank.errors import StudyError
from microrank.evaluation.holm import holm
from microrank.evaluation.metrics import (
    METRICS,
    ORACLE,
    RANDOM_DRAW,
    RANDOM_EXPECTED,
)
from microrank.evaluation.score import score_rankings, score_ranks
from microrank.evaluation.settings import Scoring
from microrank.methods import NFM
from scipy.stats import binomtest

TRUTH = np.arange(100) % 20 + 1  # five users at each rank
SUBSET = made_up_subset(TRUTH)
FAST = Scoring(bootstrap_samples=500)


def cell(table: pa.Table, method: str, metric: str, cutoff: int) -> dict:
    rows = [
        row
        for row in table.to_pylist()
        if (row["method"], row["metric"], row["cutoff"]) == (method, metric, cutoff)
    ]
    assert len(rows) == 1
    return rows[0]


@pytest.fixture(scope="module")
def planted() -> pa.Table:
    rankings = {
        "perfect": as_rankings(SUBSET, perfect(TRUTH)),
        "reversed": as_rankings(SUBSET, unchanged(100)[:, ::-1]),
        "unchanged": as_rankings(SUBSET, unchanged(100)),
        "shuffled": as_rankings(SUBSET, shuffled(100, np.random.default_rng(1))),
    }
    return score_rankings(rankings, SUBSET, FAST, dataset="made up", seed=7)


def test_columns_are_those_of_the_contract(planted) -> None:
    expected = "dataset method metric cutoff value ci_low ci_high n_users"
    expected += " baseline delta wins losses p_value p_holm"
    assert planted.schema.names == METRICS.names == expected.split()


def test_a_perfect_ranker_finds_everything_and_equals_the_oracle(planted) -> None:
    for cutoff in (1, 5, 10, 15, 20):
        assert cell(planted, "perfect", "hits", cutoff)["value"] == 100
        assert cell(planted, ORACLE, "hits", cutoff)["value"] == 100
    assert (
        cell(planted, "perfect", "ndcg", 10)["value"]
        == cell(planted, "perfect", "mrr", 20)["value"]
        == 1
    )
    row = cell(planted, "perfect", "hr", 5)
    assert (row["wins"], row["losses"], row["delta"]) == (75, 0, 0.75)
    assert row["p_value"] == pytest.approx(2 * 0.5**75)
    assert row["p_value"] < row["p_holm"] < 1e-12


def test_a_reversing_ranker_mirrors_the_list(planted) -> None:
    row = cell(planted, "reversed", "hr", 5)
    assert (row["value"], row["wins"], row["losses"], row["p_value"]) == (0.25, 25, 25, 1)
    assert cell(planted, "reversed", "mrr", 20)["value"] == pytest.approx(
        np.mean(1 / np.arange(1, 21))
    )


def test_an_unchanged_list_differs_in_nothing(planted) -> None:
    for row in planted.to_pylist():
        if row["method"] == "unchanged" and row["metric"] != "hr_over_random":
            if row["metric"].endswith("_difference"):
                assert row["value"] == row["ci_low"] == row["ci_high"] == 0
            else:
                same = cell(planted, NFM, row["metric"], row["cutoff"])
                assert (row["value"], row["delta"], row["wins"], row["losses"]) == (
                    same["value"],
                    0,
                    0,
                    0,
                )
                assert row["p_value"] in (1, None)


def test_a_shuffling_ranker_has_about_what_a_shuffle_expects_and_is_told_from_neither(
    planted,
) -> None:
    """Its numbers are those counted from its lists by hand."""
    truth = np.argmax(shuffled(100, np.random.default_rng(1)) == (TRUTH - 1)[:, None], axis=1) + 1
    for cutoff in (1, 5, 10, 15):
        row = cell(planted, "shuffled", "hits", cutoff)
        assert row["value"] == (truth <= cutoff).sum()
        assert row["value"] == pytest.approx(
            5 * cutoff, abs=3 * np.sqrt(100 * cutoff / 20 * (1 - cutoff / 20))
        )
        assert row["wins"] == ((truth <= cutoff) & (cutoff < TRUTH)).sum()
        assert row["losses"] == ((truth > cutoff) & (cutoff >= TRUTH)).sum()
        assert row["p_holm"] == 1
        assert cell(planted, "shuffled", "hr_over_random", cutoff)["p_holm"] > 0.2
    assert cell(planted, "shuffled", "mrr", 20)["value"] == pytest.approx((1 / truth).mean())
    assert cell(planted, "shuffled", "ndcg", 10)["value"] == pytest.approx(
        np.where(truth <= 10, 1 / np.log2(truth + 1), 0).mean()
    )


def test_every_method_and_the_recommender_are_tested_against_a_shuffle(planted) -> None:
    row = cell(planted, "perfect", "hr_over_random", 5)
    assert (row["value"], row["baseline"]) == (0.75, RANDOM_EXPECTED)
    assert row["p_value"] == pytest.approx(
        2 * binomtest(100, 100, 0.25, "greater").pvalue, rel=1e-6
    )
    tested = [row for row in planted.to_pylist() if row["metric"] == "hr_over_random"]
    assert {(row["method"], row["cutoff"]) for row in tested} == set(
        itertools.product((NFM, "perfect", "reversed", "unchanged", "shuffled"), (1, 5, 10, 15))
    )
    np.testing.assert_allclose(
        [row["p_holm"] for row in tested],
        holm(np.array([row["p_value"] for row in tested])),
        rtol=1e-8,
    )
    for name in (NFM, "reversed", "unchanged"):  # five users at each rank: as a shuffle expects
        assert cell(planted, name, "hr_over_random", 10)["p_holm"] == 1


def test_a_thousand_whole_studies_of_shuffles_keep_the_family_wise_rate_of_both_families() -> None:
    """Methods and recommender shuffle, so every null hypothesis is true: is anything found?"""
    random = np.random.default_rng(20)
    scoring = Scoring(cutoffs=(1, 5, 10, 15, 20), bootstrap_samples=2)
    found = {
        (family, column): 0
        for family in ("hr", "hr_over_random")
        for column in ("p_value", "p_holm")
    }
    for _ in range(1000):
        ranks = {name: random.integers(1, 21, 100) for name in ("a", "b", "c")}
        rows = score_ranks(ranks, random.integers(1, 21, 100), 20, scoring, dataset="null", seed=1)
        for family, column in found:
            found[family, column] += any(
                row.metric == family
                and getattr(row, column) is not None
                and getattr(row, column) <= 0.05
                for row in rows
            )
    for family in ("hr", "hr_over_random"):
        assert 5 <= found[family, "p_holm"] <= 66, (
            "at most 50 of 1,000 expected, and three standard deviations of it"
        )
        assert found[family, "p_value"] > 150, (
            "uncorrected, a study of nothing finds something far more often"
        )


def test_the_random_rows_are_the_expectation_and_a_draw_within_its_range(planted) -> None:
    for cutoff in (1, 5, 10, 15):
        row = cell(planted, RANDOM_EXPECTED, "hits", cutoff)
        assert row["value"] == pytest.approx(5 * cutoff)
        assert row["ci_low"] < row["value"] < row["ci_high"]
        assert (
            row["ci_low"] - 5
            <= cell(planted, RANDOM_DRAW, "hits", cutoff)["value"]
            <= row["ci_high"] + 5
        )
    assert 2 < cell(planted, RANDOM_EXPECTED, "hr", 5)["ci_high"] * 10 < 4


def test_lists_of_the_same_items_are_not_tested_at_their_full_length(planted) -> None:
    assert cell(planted, "perfect", "hr", 20)["p_value"] is None
    tested = [
        row for row in planted.to_pylist() if row["p_holm"] is not None and row["metric"] == "hr"
    ]
    assert len(tested) == 4 * 4
    assert min(row["p_value"] for row in tested) * 16 == pytest.approx(
        min(row["p_holm"] for row in tested)
    )


def test_users_whose_list_lacks_the_item_are_misses_for_everybody() -> None:
    truth = np.array([0, 0, 0, 3])
    subset = made_up_subset(truth)
    table = score_rankings(
        {"perfect": as_rankings(subset, perfect(truth))}, subset, FAST, dataset="made up", seed=1
    )
    assert (
        cell(table, ORACLE, "hr", 1)["value"] == cell(table, "perfect", "hr", 20)["value"] == 0.25
    )
    assert cell(table, RANDOM_EXPECTED, "hr", 10)["value"] == 0.125


def test_the_order_of_rows_is_of_no_matter_and_the_seed_decides_the_rest() -> None:
    ranking = as_rankings(SUBSET, shuffled(100, np.random.default_rng(2)))
    mixed = ranking.take(pa.array(np.random.default_rng(3).permutation(ranking.num_rows)))
    first = score_rankings({"x": ranking}, SUBSET, FAST, dataset="made up", seed=1)
    assert first.equals(score_rankings({"x": mixed}, SUBSET, FAST, dataset="made up", seed=1))
    assert not first.equals(score_rankings({"x": ranking}, SUBSET, FAST, dataset="made up", seed=2))


@pytest.mark.parametrize(
    "damage", ["missing row", "foreign item", "duplicate item", "unknown user", "rank 0", "rank 21"]
)
def test_a_ranking_that_is_no_permutation_is_refused_by_name(damage) -> None:
    rows = as_rankings(SUBSET, unchanged(100)).to_pylist()
    if damage == "missing row":
        rows.pop()
    else:
        rows[0] |= {
            "foreign item": {"item_id": 5},
            "duplicate item": {"item_id": rows[1]["item_id"]},
            "unknown user": {"user_id": 11},
            "rank 0": {"rank": 0},
            "rank 21": {"rank": 21},
        }[damage]
    with pytest.raises(StudyError, match="rankings of broken: not a permutation"):
        score_rankings(
            {"broken": pa.Table.from_pylist(rows)}, SUBSET, FAST, dataset="made up", seed=1
        )
