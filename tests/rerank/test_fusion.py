"""Fusion: known answers, a slow form as the oracle, and a choice that never looks at the test."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_lists import order_of, subset
from microrank import tables
from microrank.errors import StudyError
from microrank.rerank.fusion import GRIDS, fuse_rankings
from microrank.rerank.random import rank_randomly
from microrank.rerank.scored import rankings_by_score


def users_from(first: int, lists: pa.Table) -> pa.Table:
    """The same subset of other users."""
    return lists.set_column(0, lists.schema.field(0), pa.array(lists["user_id"].to_numpy() + first))


def recommended(lists: pa.Table, scores: np.ndarray) -> pa.Table:
    """Table RECOMMENDATIONS of the lists with these scores, [n_users, k], and of one user more who is in no subset."""
    rankings = rankings_by_score(lists, scores)
    table = pa.table(
        {
            "user_id": rankings["user_id"],
            "rank": rankings["rank"],
            "item_id": rankings["item_id"],
            "score": pa.array(-np.sort(-scores, axis=1).ravel()),
        }
    ).cast(tables.RECOMMENDATIONS)
    return pa.concat_tables([pa.table([[1], [1], [1], [0.0]], names=table.column_names).cast(table.schema), table])


TEST = subset([[1]], [[1, 2, 3, 4]])
SCORES = np.array([[4.0, 3.0, 2.0, 1.0]])
OTHERS = users_from(1000, subset([[1]] * 3, [[1, 2, 3, 4]] * 3))  # the hidden item stands last


def test_z_scores_follow_the_part_that_served_other_users() -> None:
    right = rankings_by_score(OTHERS, np.tile([1, 2, 3, 4], 3))
    other = rankings_by_score(TEST, np.array([1, 4, 2, 3]))
    fused = fuse_rankings(
        "z-score", TEST, [recommended(TEST, SCORES), other], OTHERS, [recommended(OTHERS, np.tile(SCORES, (3, 1))), right]
    )
    assert fused.chosen["chosen"] < 0.5
    assert fused.chosen["tuning_users"] == 3
    assert order_of(fused.rankings)[0] == 2
    kept = fuse_rankings(
        "z-score", TEST, [recommended(TEST, SCORES), other], OTHERS, [recommended(OTHERS, np.tile(-SCORES, (3, 1))), right]
    )
    assert kept.chosen["chosen"] == 1.0, "equally good: the first part alone"
    assert order_of(kept.rankings) == [1, 2, 3, 4]


def test_the_hidden_items_of_the_test_change_nothing() -> None:
    parts = [recommended(TEST, SCORES), rank_randomly(TEST, 1)]
    tuning_parts = [recommended(OTHERS, np.tile(SCORES, (3, 1))), rank_randomly(OTHERS, 1)]
    moved = TEST.set_column(1, TEST.schema.field(1), pa.array([1], pa.int64()))
    for fusion in GRIDS:
        assert fuse_rankings(fusion, TEST, parts, OTHERS, tuning_parts) == fuse_rankings(fusion, moved, parts, OTHERS, tuning_parts)


@given(st.lists(st.permutations([1, 2, 3, 4]), min_size=3, max_size=3))
def test_reciprocal_ranks_are_summed(orders: list[list[int]]) -> None:
    parts = [rankings_by_score(TEST, -np.array([order.index(item) for item in (1, 2, 3, 4)])) for order in orders]
    tuning_parts = [rank_randomly(OTHERS, seed) for seed in range(3)]
    fused = fuse_rankings("reciprocal", TEST, parts, OTHERS, tuning_parts)
    k = fused.chosen["chosen"]
    expected = sorted((1, 2, 3, 4), key=lambda item: -round(sum(1 / (k + order.index(item) + 1) for order in orders), 12))
    assert [round(sum(1 / (k + order.index(item) + 1) for order in orders), 12) for item in order_of(fused.rankings)] == [
        round(sum(1 / (k + order.index(item) + 1) for order in orders), 12) for item in expected
    ]


def test_a_candidate_that_no_reranker_named_is_fallback() -> None:
    def silent_about_4(lists: pa.Table) -> pa.Table:
        ranking = rankings_by_score(lists, np.tile([4, 3, 2, 1], len(lists)))
        source = np.where(ranking["item_id"].to_numpy() == 4, "fallback", "model")
        return ranking.set_column(3, ranking.schema.field(3), pa.array(source))

    fused = fuse_rankings(
        "reciprocal",
        TEST,
        [recommended(TEST, SCORES), silent_about_4(TEST)],
        OTHERS,
        [recommended(OTHERS, np.tile(SCORES, (3, 1))), silent_about_4(OTHERS)],
    )
    assert dict(zip(fused.rankings["item_id"].to_pylist(), fused.rankings["source"].to_pylist(), strict=True)) == {
        1: "model",
        2: "model",
        3: "model",
        4: "fallback",
    }


def test_users_of_the_test_may_not_tune() -> None:
    parts = [rank_randomly(TEST, 1), rank_randomly(TEST, 2)]
    with pytest.raises(StudyError, match="share users"):
        fuse_rankings("reciprocal", TEST, parts, TEST, parts)


def test_a_part_of_another_subset_is_an_error() -> None:
    tuning = [rank_randomly(OTHERS, 1), rank_randomly(OTHERS, 2)]
    with pytest.raises(StudyError, match="of another subset"):
        fuse_rankings("reciprocal", TEST, [rank_randomly(TEST, 1), tuning[0]], OTHERS, tuning)
