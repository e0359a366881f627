"""Hit rate and NDCG over all users, and the ceiling that untrained items set."""

import json

import numpy as np
import pyarrow as pa
import pytest
from microrank import tables
from microrank.errors import StudyError
from microrank.evaluation.recommender import RecommenderMetrics, evaluate_nfm


def study(
    ranks: list[int], untrained: frozenset[int] = frozenset(), k: int = 20
) -> tuple[pa.Table, pa.Table, list[pa.Table]]:
    """Lists of length k in which user i finds the held-out item 1000 + i at `ranks[i]` (0: not in the list)."""
    users = np.arange(len(ranks)) * 3
    truth = 1000 + np.arange(len(ranks))
    lists = np.tile(np.arange(k), (len(ranks), 1))
    for user, rank in enumerate(ranks):
        if rank:
            lists[user, rank - 1] = truth[user]
    recommendations = {
        "user_id": np.repeat(users, k),
        "rank": np.tile(np.arange(1, k + 1), len(ranks)),
        "item_id": lists.ravel(),
        "score": np.zeros(k * len(ranks)),
    }
    test = {"user_id": users[::-1], "item_id": truth[::-1], "position": np.zeros(len(ranks))}
    trained = np.array([item for item in (*range(k), *truth) if item - 1000 not in untrained])
    train = {"user_id": trained, "item_id": trained, "position": np.zeros(len(trained))}
    return (
        pa.table(recommendations).cast(tables.RECOMMENDATIONS),
        pa.table(test).cast(tables.SPLIT),
        [pa.table(train).cast(tables.SPLIT)],
    )


def test_hits_and_gains_are_those_counted_by_hand() -> None:
    metrics = evaluate_nfm(*study([1, 3, 5, 6, 11, 0, 20, 0])).to_json()
    assert metrics["all_users"] == {
        "n_users": 8,
        "HR@5": 3 / 8,
        "HR@10": 4 / 8,
        "HR@20": 6 / 8,
        "NDCG@5": pytest.approx((1 + 1 / 2 + 1 / np.log2(6)) / 8, abs=1e-6),
        "NDCG@10": pytest.approx((1 + 1 / 2 + 1 / np.log2(6) + 1 / np.log2(7)) / 8, abs=1e-6),
        "NDCG@20": pytest.approx(
            (1 + 1 / 2 + 1 / np.log2(6) + 1 / np.log2(7) + 1 / np.log2(12) + 1 / np.log2(21)) / 8,
            abs=1e-6,
        ),
    }


def test_users_whose_held_out_item_was_never_trained_on_set_the_ceiling() -> None:
    metrics = evaluate_nfm(*study([1, 0, 2, 0], untrained=frozenset({1, 3}))).to_json()
    assert metrics["n_users"] == 4
    assert metrics["share_never_trained"] == 0.5
    assert metrics["ceiling"] == 0.5
    assert metrics["trained_targets"]["n_users"] == 2
    assert metrics["trained_targets"]["HR@5"] == 1.0
    assert metrics["all_users"]["HR@5"] == 0.5


def test_short_lists_have_no_metrics_beyond_their_length() -> None:
    assert set(evaluate_nfm(*study([1, 2], k=10)).to_json()["all_users"]) == {
        "n_users",
        "HR@5",
        "HR@10",
        "NDCG@5",
        "NDCG@10",
    }


def test_nobody_with_a_trained_target_is_no_division_by_zero() -> None:
    metrics = evaluate_nfm(*study([0, 0], untrained=frozenset({0, 1}))).to_json()
    assert metrics["trained_targets"]["HR@20"] == 0.0
    assert json.loads(json.dumps(metrics)) == metrics


def test_users_without_a_list_are_left_out() -> None:
    recommendations, test, trained = study([1, 2, 0, 3])
    metrics = evaluate_nfm(recommendations.slice(20), test, trained).to_json()
    assert (metrics["n_users"], metrics["hit_users"], metrics["all_users"]["HR@5"]) == (
        3,
        2,
        round(2 / 3, 6),
    )


def test_lists_and_held_out_items_of_other_users_are_an_error() -> None:
    recommendations, test, trained = study([1, 2, 3])
    with pytest.raises(StudyError, match="holds users that the split lacks"):
        evaluate_nfm(recommendations, test.slice(1), trained)
    with pytest.raises(StudyError, match="one item for each"):
        evaluate_nfm(recommendations, pa.concat_tables([test, test]), trained)


def test_metrics_come_back_from_json_as_they_were() -> None:
    metrics = evaluate_nfm(*study([1, 0, 2, 0], untrained=frozenset({1, 3})))
    assert RecommenderMetrics.from_json(json.loads(json.dumps(metrics.to_json()))) == metrics
