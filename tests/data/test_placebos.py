"""Placebos: the same users and candidates, with other histories or other places."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_lists import subset
from microrank.data.placebos import CHANGES, change_subset
from microrank.errors import StudyError

SEED = 5


def made(n: int):
    """User i's history is [i]."""
    return subset([[user] for user in range(n)], [[1, 2, 3, 4]] * n)


def drawn(n: int, seed: int = 0) -> np.ndarray:
    """The users of `made(n)` in a seeded order, among others."""
    users = 10 * (1 + np.arange(n))
    return np.random.default_rng(seed).permutation(np.concatenate([users, users + 1]))


@given(st.integers(2, 30), st.integers(0, 99))
def test_everybody_gets_the_history_of_somebody_else_each_once(n: int, seed: int) -> None:
    changed = change_subset(made(n), "another", drawn(n, seed), SEED)
    got = [history[0] for history in changed["history"].to_pylist()]
    assert sorted(got) == list(range(n))
    assert all(giver != user for user, giver in enumerate(got))


@given(st.integers(2, 30), st.integers(0, 99))
def test_more_users_leave_the_pairs_of_fewer_as_they_are(n: int, seed: int) -> None:
    order = drawn(2 * n, seed)
    first = [user for user in order.tolist() if user % 10 == 0]
    smaller, larger = set(first[: n - n % 2]), set(first[: 2 * (n - n % 2)])

    def histories(users: set[int]) -> dict[int, list[int]]:
        mask = [user in users for user in made(2 * n)["user_id"].to_pylist()]
        changed = change_subset(made(2 * n).filter(mask), "another", order, SEED)
        pairs = zip(changed["user_id"].to_pylist(), changed["history"].to_pylist(), strict=True)
        return dict(pairs)

    few, many = histories(smaller), histories(larger)
    assert few == {user: many[user] for user in few}


def test_one_user_alone_has_no_other_whose_history_could_be_taken() -> None:
    with pytest.raises(StudyError, match="at least two users"):
        change_subset(made(1), "another", drawn(1), SEED)


def test_no_history_is_empty_and_a_shuffled_one_has_the_same_items() -> None:
    users = subset([[1, 2, 3, 4, 5, 6, 7, 8], [3, 3, 9]], [[1, 2], [2, 1]])
    order = np.array([20, 10])
    assert change_subset(users, "none", order, SEED)["history"].to_pylist() == [[], []]
    shuffled = change_subset(users, "shuffled", order, SEED)["history"].to_pylist()
    assert [sorted(history) for history in shuffled] == [[1, 2, 3, 4, 5, 6, 7, 8], [3, 3, 9]]
    assert shuffled[0] != [1, 2, 3, 4, 5, 6, 7, 8]
    assert change_subset(users, "shuffled", order, SEED)["history"].to_pylist() == shuffled


@pytest.mark.parametrize(("place", "index"), [("first", 0), ("middle", 2), ("last", 3)])
def test_the_held_out_item_is_moved_and_all_others_keep_their_order(place: str, index: int) -> None:
    users = subset([[7]], [[5, 6, 7, 8]])  # the held-out item is 8
    [row] = change_subset(users, place, np.array([10]), SEED).to_pylist()
    assert row["candidates"][index] == 8
    assert [item for item in row["candidates"] if item != 8] == [5, 6, 7]
    assert row["ground_truth_rank"] == index + 1
    assert row["history"] == [7]


def test_a_list_without_the_held_out_item_stays_as_it_is() -> None:
    users = subset([[7]], [[5, 6]]).set_column(1, "ground_truth", [[99]])
    users = users.set_column(2, "ground_truth_rank", [[0]])
    for place in ("first", "middle", "last"):
        [row] = change_subset(users, place, np.array([10]), SEED).to_pylist()
        assert (row["candidates"], row["ground_truth_rank"]) == ([5, 6], 0)


def test_every_change_keeps_users_candidates_and_held_out_items() -> None:
    users = made(6)
    for change in CHANGES:
        changed = change_subset(users, change, drawn(6), SEED)
        assert changed.schema == users.schema
        for name in ("user_id", "ground_truth"):
            assert changed[name] == users[name]
        assert [sorted(row) for row in changed["candidates"].to_pylist()] == [[1, 2, 3, 4]] * 6
