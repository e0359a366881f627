"""Fusion: known answers, a slow form as the oracle, and a choice that never looks at the test."""

import json
import statistics

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_lists import order_of, subset
from microrank import tables
from microrank.errors import StudyError
from microrank.rerank.fusion import GRIDS, fuse_rankings
from microrank.rerank.fusion_choice import FusionChoice
from microrank.rerank.random import rank_randomly
from microrank.rerank.scored import rankings_by_score


def users_from(first: int, lists: pa.Table) -> pa.Table:
    """The same subset of other users."""
    return lists.set_column(0, lists.schema.field(0), pa.array(lists["user_id"].to_numpy() + first))


def recommended(lists: pa.Table, scores: np.ndarray) -> pa.Table:
    """Table RECOMMENDATIONS of the lists with these scores, [n_users, k].

    It holds one user more, who is in no subset.
    """
    rankings = rankings_by_score(lists, scores)
    table = pa.table(
        {
            "user_id": rankings["user_id"],
            "rank": rankings["rank"],
            "item_id": rankings["item_id"],
            "score": pa.array(-np.sort(-scores, axis=1).ravel()),
        }
    ).cast(tables.RECOMMENDATIONS)
    return pa.concat_tables(
        [pa.table([[1], [1], [1], [0.0]], names=table.column_names).cast(table.schema), table]
    )


TEST = subset([[1]], [[1, 2, 3, 4]])
SCORES = np.array([[4.0, 3.0, 2.0, 1.0]])
OTHERS = users_from(1000, subset([[1]] * 3, [[1, 2, 3, 4]] * 3))  # the held-out item stands last


def without_scores(rankings: pa.Table, users: list[int]) -> pa.Table:
    """The rankings with the score of each of these users' first candidate taken away."""
    gone = np.isin(rankings["user_id"].to_numpy(), users) & (rankings["rank"].to_numpy() == 1)
    return rankings.set_column(
        4, rankings.schema.field(4), pa.array(rankings["score"].to_numpy(), pa.float32(), mask=gone)
    )


def slow_z(values: list[float]) -> list[float]:
    """(x − mean) / population standard deviation, in plain Python; 0 if all are equal."""
    mean, deviation = statistics.fmean(values), statistics.pstdev(values)
    return [(value - mean) / deviation if deviation else 0.0 for value in values]


def slow_fusion(fusion: str, number: float, lists: pa.Table, parts: list[pa.Table]) -> list[float]:
    """What each candidate of each user is ordered by, straight from the formulas."""
    strengths = []
    for user, candidates in zip(
        lists["user_id"].to_pylist(), lists["candidates"].to_pylist(), strict=True
    ):
        of_parts = [
            {row["item_id"]: row for row in part.to_pylist() if row["user_id"] == user}
            for part in parts
        ]
        ranks = [[part[item]["rank"] for item in candidates] for part in of_parts]
        scores = [[part[item]["score"] for item in candidates] for part in of_parts]
        if fusion == "reciprocal":
            strengths += [
                sum(1 / (number + rank) for rank in of_item) for of_item in zip(*ranks, strict=True)
            ]
        else:
            first, second = (
                slow_z([-value for value in rank] if None in score else score)
                for rank, score in zip(ranks, scores, strict=True)
            )
            strengths += [number * a + (1 - number) * b for a, b in zip(first, second, strict=True)]
    return strengths


SCORE = st.integers(-3, 3) | st.floats(-1e6, 1e6, width=32).map(lambda value: round(value, 1))


@given(
    st.sampled_from(sorted(GRIDS)),
    st.lists(SCORE, min_size=16, max_size=16),
    st.lists(SCORE, min_size=16, max_size=16),
    st.data(),
)
def test_both_fusions_are_their_formulas(
    fusion: str, first: list[float], second: list[float], data: st.DataObject
) -> None:
    lists = users_from(
        5, subset([[1]] * 4, [[1, 2, 3, 4], [9, 8, 7, 6], [1, 3, 5, 7], [4, 3, 2, 1]])
    )
    parts = [
        recommended(lists, np.array(first).reshape(4, 4)),
        rankings_by_score(lists, np.array(second)),
    ]
    parts[1] = without_scores(
        parts[1], data.draw(st.lists(st.sampled_from(lists["user_id"].to_pylist()), unique=True))
    )
    tuning_parts = [
        recommended(OTHERS, np.tile(SCORES, (3, 1))),
        rank_randomly(OTHERS, data.draw(st.integers(0, 20))),
    ]
    fused = fuse_rankings(fusion, lists, parts, OTHERS, tuning_parts)
    expected = slow_fusion(fusion, fused.choice.chosen, lists, parts)
    items = [item for row in lists["candidates"].to_pylist() for item in row]
    users = [user for user in lists["user_id"].to_pylist() for _ in range(4)]
    fused_scores = {
        (row["user_id"], row["item_id"]): row["score"] for row in fused.rankings.to_pylist()
    }
    np.testing.assert_allclose(
        [fused_scores[key] for key in zip(users, items, strict=True)],
        expected,
        rtol=1e-5,
        atol=1e-5,
    )
    scores = fused.rankings["score"].to_numpy().reshape(4, 4)
    assert (np.diff(scores, axis=1) <= 0).all(), "best first"


def test_magnitudes_count_where_a_method_has_them_and_ranks_where_it_has_none() -> None:
    """The second part likes item 4 far more than the others.

    That outweighs the first part's order only where it can say how much.
    """
    right = rankings_by_score(OTHERS, np.tile([0.0, 0.0, 0.0, 1.0], 3))
    first, second = (
        recommended(TEST, SCORES),
        rankings_by_score(TEST, np.array([0.0, 0.1, 0.0, 9.0])),
    )
    tuning = [recommended(OTHERS, np.tile(SCORES, (3, 1))), right]
    with_scores = fuse_rankings("z-score", TEST, [first, second], OTHERS, tuning)
    assert order_of(with_scores.rankings)[0] == 4
    without = fuse_rankings("z-score", TEST, [first, without_scores(second, [10])], OTHERS, tuning)
    assert with_scores.choice == without.choice
    assert order_of(without.rankings)[0] == 2


def test_a_shuffle_has_no_scores_and_others_have() -> None:
    assert rank_randomly(TEST, 1)["score"].null_count == 4
    assert rankings_by_score(TEST, np.array([1, 4, 2, 3]))["score"].to_pylist() == [4, 3, 2, 1]


def test_z_scores_follow_the_part_that_served_other_users() -> None:
    right = rankings_by_score(OTHERS, np.tile([1, 2, 3, 4], 3))
    other = rankings_by_score(TEST, np.array([1, 4, 2, 3]))
    fused = fuse_rankings(
        "z-score",
        TEST,
        [recommended(TEST, SCORES), other],
        OTHERS,
        [recommended(OTHERS, np.tile(SCORES, (3, 1))), right],
    )
    assert fused.choice.chosen < 0.5
    assert fused.choice.tuning_users == 3
    assert order_of(fused.rankings)[0] == 2
    kept = fuse_rankings(
        "z-score",
        TEST,
        [recommended(TEST, SCORES), other],
        OTHERS,
        [recommended(OTHERS, np.tile(-SCORES, (3, 1))), right],
    )
    assert kept.choice.chosen == 1.0, "equally good: the first part alone"
    assert order_of(kept.rankings) == [1, 2, 3, 4]


def test_the_hidden_items_of_the_test_change_nothing() -> None:
    parts = [recommended(TEST, SCORES), rank_randomly(TEST, 1)]
    tuning_parts = [recommended(OTHERS, np.tile(SCORES, (3, 1))), rank_randomly(OTHERS, 1)]
    moved = TEST.set_column(1, TEST.schema.field(1), pa.array([1], pa.int64()))
    for fusion in (*GRIDS, "best"):
        assert fuse_rankings(fusion, TEST, parts, OTHERS, tuning_parts) == fuse_rankings(
            fusion, moved, parts, OTHERS, tuning_parts
        )


def test_a_choice_is_the_order_of_the_part_that_served_other_users_best() -> None:
    right = rankings_by_score(OTHERS, np.tile([1, 2, 3, 4], 3))
    wrong = recommended(OTHERS, np.tile(SCORES, (3, 1)))
    orders = [[2, 4, 1, 3], [3, 1, 2, 4], [4, 3, 2, 1]]
    parts = [
        rankings_by_score(TEST, -np.array([order.index(item) for item in (1, 2, 3, 4)]))
        for order in orders
    ]
    for best in range(3):
        tuning_parts = [right if place == best else wrong for place in range(3)]
        fused = fuse_rankings("best", TEST, parts, OTHERS, tuning_parts, of=["a", "b", "c"])
        assert fused.choice.used == ("abc"[best],)
        assert order_of(fused.rankings) == orders[best]
        assert set(fused.rankings["source"].to_pylist()) == {"model"}
    tie = fuse_rankings("best", TEST, parts, OTHERS, [right] * 3, of=["a", "b", "c"])
    assert tie.choice.used == ("a",), "equally good: the first"


def test_a_choice_of_the_recommender_is_its_own_order() -> None:
    right = recommended(OTHERS, np.tile(-SCORES, (3, 1)))
    parts = [rank_randomly(TEST, 1), recommended(TEST, SCORES)]
    fused = fuse_rankings(
        "best", TEST, parts, OTHERS, [rank_randomly(OTHERS, 4), right], of=["random", "nfm"]
    )
    assert fused.choice.used == ("nfm",)
    assert order_of(fused.rankings) == [1, 2, 3, 4]
    assert set(fused.rankings["source"].to_pylist()) == {"fallback"}, "no method named them"


@given(st.lists(st.permutations([1, 2, 3, 4]), min_size=3, max_size=3))
def test_reciprocal_ranks_are_summed(orders: list[list[int]]) -> None:
    parts = [
        rankings_by_score(TEST, -np.array([order.index(item) for item in (1, 2, 3, 4)]))
        for order in orders
    ]
    tuning_parts = [rank_randomly(OTHERS, seed) for seed in range(3)]
    fused = fuse_rankings("reciprocal", TEST, parts, OTHERS, tuning_parts)
    k = fused.choice.chosen
    expected = sorted(
        (1, 2, 3, 4),
        key=lambda item: -round(sum(1 / (k + order.index(item) + 1) for order in orders), 12),
    )
    assert [
        round(sum(1 / (k + order.index(item) + 1) for order in orders), 12)
        for item in order_of(fused.rankings)
    ] == [round(sum(1 / (k + order.index(item) + 1) for order in orders), 12) for item in expected]


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
    assert dict(
        zip(
            fused.rankings["item_id"].to_pylist(), fused.rankings["source"].to_pylist(), strict=True
        )
    ) == {
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


def test_a_choice_comes_back_from_json_as_it_was() -> None:
    tuning = [recommended(OTHERS, np.tile(SCORES, (3, 1))), rank_randomly(OTHERS, 1)]
    parts = [recommended(TEST, SCORES), rank_randomly(TEST, 1)]
    choice = fuse_rankings("z-score", TEST, parts, OTHERS, tuning, of=["nfm", "random"]).choice
    assert FusionChoice.from_json(json.loads(json.dumps(choice.to_json()))) == choice
