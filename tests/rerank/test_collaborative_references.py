"""Re-ranking by popularity and by item-kNN: known answers, and a slow form as the oracle."""

import itertools

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from microrank import tables
from microrank.rerank.item_knn import rank_by_item_knn
from microrank.rerank.popularity import rank_by_popularity


def subset(histories: list[list[int]], candidates: list[list[int]]) -> pa.Table:
    users = [10 * (n + 1) for n in range(len(candidates))]
    return pa.table(
        {
            "user_id": users,
            "ground_truth": [row[0] for row in candidates],
            "ground_truth_rank": [1] * len(users),
            "history": pa.array(histories, pa.list_(pa.int64())),
            "candidates": pa.array(candidates, pa.list_(pa.int64())),
        }
    ).cast(tables.SUBSET)


def interactions(baskets: dict[int, list[int]]) -> pa.Table:
    rows = [
        (user, item, place) for user, items in baskets.items() for place, item in enumerate(items)
    ]
    return pa.table(
        dict(zip(("user_id", "item_id", "position"), zip(*rows, strict=True), strict=True))
    ).cast(tables.SPLIT)


def lists(rankings: pa.Table) -> list[list[int]]:
    assert rankings.schema.equals(tables.RANKINGS)
    lists: dict[int, list[int]] = {}
    for row in rankings.to_pylist():
        lists.setdefault(row["user_id"], []).append(row["item_id"])
        assert row["rank"] == len(lists[row["user_id"]])
    return list(lists.values())


def test_popular_items_go_first_and_ties_keep_the_recommenders_order() -> None:
    items = pa.table(
        {
            "item_id": [9, 5, 7, 3],
            "item_index": [4, 2, 3, 1],
            "title": [""] * 4,
            "train_count": [2, 8, 2, 0],
        }
    ).cast(tables.ITEMS)
    assert lists(rank_by_popularity(subset([[], []], [[3, 9, 7, 5], [7, 9]]), items)) == [
        [5, 9, 7, 3],
        [7, 9],
    ]


def test_items_shared_with_the_history_go_first() -> None:
    baskets = {1: [1, 2], 2: [1, 2], 3: [1, 3], 4: [3, 4], 5: [3], 6: [5]}
    assert lists(rank_by_item_knn(subset([[1]], [[5, 4, 3, 2]]), [interactions(baskets)])) == [
        [2, 3, 5, 4]
    ]


def test_an_item_without_users_scores_nothing() -> None:
    assert lists(
        rank_by_item_knn(subset([[1, 77]], [[88, 99, 2]]), [interactions({1: [1, 2]})])
    ) == [[2, 88, 99]]


def test_all_splits_count_and_an_item_taken_twice_counts_once() -> None:
    train, valid = (
        interactions({1: [1, 2, 2, 2], 2: [3]}),
        interactions({2: [1], 3: [3], 4: [1, 4]}),
    )
    # similarity to item 1 (3 users): item 2: 1/√(3·1), item 3: 1/√(3·2), item 4: 1/√(3·1)
    assert lists(rank_by_item_knn(subset([[1]], [[3, 4, 2]]), [train, valid])) == [[4, 2, 3]]


@given(st.integers(0, 10_000))
def test_item_knn_equals_the_sum_of_pairwise_cosines(seed: int) -> None:
    rng = np.random.default_rng(seed)
    taken = rng.random((9, 7)) < 0.4
    baskets = {
        user: [int(item) for item in np.flatnonzero(row)]
        for user, row in enumerate(taken)
        if row.any()
    }
    baskets[99] = [0]
    past = interactions(baskets)
    histories = [[int(item) for item in rng.choice(8, 2, replace=False)] for _ in range(4)]
    candidates = [[int(item) for item in rng.permutation(8)] for _ in range(4)]
    sizes = {item: {user for user, items in baskets.items() if item in items} for item in range(8)}

    def cosine(first: int, second: int) -> float:
        a, b = sizes[first], sizes[second]
        return len(a & b) / np.sqrt(len(a) * len(b)) if a and b else 0.0

    ranked = lists(rank_by_item_knn(subset(histories, candidates), [past]))
    for history, shown, got in zip(histories, candidates, ranked, strict=True):
        scores = {item: sum(cosine(item, seen) for seen in history) for item in shown}
        assert sorted(got) == sorted(shown)
        assert all(
            scores[better] >= scores[worse] - 1e-12 for better, worse in itertools.pairwise(got)
        )
