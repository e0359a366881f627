"""Lists and ranks: seen items masked, ties by popularity and id, and a choice on valid."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_lists import as_recommendations, order_of
from microrank import tables
from microrank.errors import StudyError
from microrank.recommenders import ranking
from microrank.recommenders.choose import choose_setting
from microrank.recommenders.fitted import Fitted
from microrank.recommenders.ranking import ranks_of, top_k
from microrank.recommenders.recommend import fit_recommender
from microrank.recommenders.trials import Trial, Trials
from microrank.recommenders.union import unite_lists
from recommenders.made_up_histories import interactions, items, random_histories, splits


def slow_order(scores: np.ndarray, counts: np.ndarray, seen: list[int]) -> list[int]:
    """All unseen items: by score, then popularity, then id."""
    unseen = [item for item in range(1, len(scores)) if item not in seen]
    return sorted(unseen, key=lambda item: (-scores[item], -counts[item], item))


@given(seed=st.integers(0, 1000), distinct=st.sampled_from([1, 2, 5, 1000]))
def test_lists_and_ranks_are_those_of_a_slow_sort(seed: int, distinct: int) -> None:
    histories = random_histories(seed)
    data, random = interactions(histories, 9), np.random.default_rng(seed)
    scores = random.integers(0, distinct, (len(histories), 10)).astype(np.float32)
    lists = top_k(lambda users: scores[users], data, 4)
    orders = [slow_order(scores[u], data.counts, seen) for u, seen in enumerate(histories)]
    for user, order in enumerate(orders):
        assert order_of(lists, 10 * (user + 1)) == [100 + item for item in order[:4]]
    users = np.arange(len(histories))
    targets = np.array([order[-1] for order in orders])
    ranks = ranks_of(lambda users: scores[users], data, users, targets)
    assert ranks.tolist() == [len(order) for order in orders]


def test_lists_do_not_depend_on_how_many_users_are_ranked_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = interactions(random_histories(1), 9)
    scores = np.random.default_rng(1).normal(size=(12, 10))
    whole = top_k(lambda users: scores[users], data, 3)
    monkeypatch.setattr(ranking, "USERS_AT_ONCE", 5)
    assert top_k(lambda users: scores[users], data, 3).equals(whole)


def test_a_score_that_is_no_number_and_a_list_that_is_too_long_are_refused() -> None:
    data = interactions([[1, 2], [3]], 4)
    with pytest.raises(StudyError, match="not all finite"):
        top_k(lambda users: np.full((len(users), 5), np.nan), data, 2)
    with pytest.raises(StudyError, match="top_k is 3, but somebody has only 2 of 4 items left"):
        top_k(lambda users: np.zeros((len(users), 5)), data, 3)


def planted(data, setting, seed, judge=None) -> Fitted:
    """Scores that put item `setting["first"]` first for everybody."""
    scores = np.zeros(data.n_items + 1)
    scores[setting["first"]] = 1
    return Fitted(lambda users: np.tile(scores, (len(users), 1)))


def test_the_setting_is_chosen_that_finds_the_valid_items_and_is_fitted_again() -> None:
    train, valid = splits([[101, 102], [102, 103], [101, 103]]), splits([[104], [104], [104]])
    settings = [{"first": 5}, {"first": 4}, {"first": 4}]
    trials = choose_setting(planted, settings, train, valid, items(6), seed=1, valid_users=100)
    assert [trial.quality for trial in trials.trials[1:]] == [1.0, 1.0]
    assert trials.trials[0].quality < 1
    assert trials.best == trials.trials[1], "of equal ones the first"
    assert Trials.from_json(trials.to_json()) == trials
    lists = fit_recommender(planted, trials.best, [train], items(6), 2, seed=1)
    assert [order_of(lists, user)[0] for user in (10, 20, 30)] == [104] * 3


def test_a_training_that_is_best_in_its_last_epoch_ended_while_improving() -> None:
    assert Trial({}, 0.3, (0.1, 0.2, 0.3)).ended_while_improving
    early = Trial({"a": 1}, 0.3, (0.1, 0.3, 0.3))
    assert not early.ended_while_improving
    assert early.setting_to_refit == {"a": 1, "epochs": 2}
    assert not Trial({}, 0.3).ended_while_improving
    assert Trial({"a": 1}, 0.3).setting_to_refit == {"a": 1}


def test_a_union_takes_the_lists_in_turn_and_each_item_once() -> None:
    first = as_recommendations(np.array([1, 2]), np.array([[10, 11, 12, 13], [20, 21, 22, 23]]))
    second = as_recommendations(np.array([1, 2]), np.array([[11, 14, 10, 15], [20, 21, 22, 23]]))
    pool = unite_lists([first, second], 4)
    assert order_of(pool, 1) == [10, 11, 14, 12]
    assert order_of(pool, 2) == [20, 21, 22, 23]
    assert pool.schema == tables.RECOMMENDATIONS


@given(seed=st.integers(0, 1000), k=st.integers(1, 6), n_parts=st.integers(2, 4))
def test_a_union_holds_nothing_that_no_list_holds(seed: int, k: int, n_parts: int) -> None:
    random, users = np.random.default_rng(seed), np.arange(1, 5)
    lists = [np.stack([random.permutation(30)[:6] for _ in users]) for _ in range(n_parts)]
    pool = unite_lists([as_recommendations(users, part) for part in lists], k)
    for row, user in enumerate(users):
        own = order_of(pool, int(user))
        places = {
            item: min(
                (part[row].tolist().index(item), number)
                for number, part in enumerate(lists)
                if item in part[row]
            )
            for part in lists
            for item in part[row].tolist()
        }
        assert own == sorted(places, key=lambda item: places[item])[:k]


def test_a_union_is_of_the_users_who_have_all_lists() -> None:
    first = as_recommendations(np.array([1, 2]), np.array([[10, 11], [20, 21]]))
    second = as_recommendations(np.array([2, 3]), np.array([[22, 20], [30, 31]]))
    assert set(unite_lists([first, second], 2)["user_id"].to_pylist()) == {2}
    with pytest.raises(StudyError, match="no user has a list of every recommender"):
        unite_lists([first.slice(0, 2), second], 2)


def test_a_table_of_lists_in_any_order_gives_the_same_union() -> None:
    first = as_recommendations(np.array([1, 2]), np.array([[10, 11], [20, 21]]))
    turned = pa.concat_tables([first.slice(2), first.slice(0, 2)])
    assert unite_lists([turned, first], 2).equals(unite_lists([first, first], 2))
