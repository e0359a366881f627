"""Drawing the users whose lists are re-ranked."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from microrank import tables
from microrank.data.subset import (
    check_enough_users,
    sample_hit_users,
    sample_tuning_users,
    seeded_order,
    set_aside_for_tuning,
)
from microrank.errors import StudyError

K = 4


def study(ranks: list[int]) -> dict:
    """Lists, past and test of one user for each of `ranks`, where the held-out item stands.

    A rank of 0 means that the list lacks it.
    """
    users = np.arange(len(ranks)) * 10 + 7
    truth = 1000 + np.arange(len(ranks))
    lists = 100 * users[:, None] + np.arange(K)
    for user, rank in enumerate(ranks):
        if rank:
            lists[user, rank - 1] = truth[user]
    recommendations = pa.table(
        {
            "user_id": np.repeat(users, K),
            "rank": np.tile(np.arange(1, K + 1), len(users)),
            "item_id": lists.ravel(),
            "score": np.zeros(K * len(users)),
        }
    ).cast(tables.RECOMMENDATIONS)
    past = [
        split(np.repeat(users, 3), np.tile([5, 6, 7], len(users)), np.tile([0, 1, 2], len(users))),
        split(users, users * 0 + 8, users * 0 + 3),
    ]
    return {
        "recommendations": recommendations,
        "past": past,
        "test": split(users, truth, users * 0 + 4),
    }


def drawn(parts: dict, **wanted: object) -> pa.Table:
    """Table SUBSET of a draw."""
    return sample_hit_users(**parts, **{"seed": 0, "history_length": 10, **wanted})  # type: ignore


def ids(table: pa.Table) -> list[int]:
    return table["user_id"].to_pylist()


def split(users: np.ndarray, items: np.ndarray, positions: np.ndarray) -> pa.Table:
    return pa.table({"user_id": users, "item_id": items, "position": positions}).cast(tables.SPLIT)


@given(st.lists(st.integers(0, K), min_size=1, max_size=40), st.integers(0, 5), st.data())
def test_only_users_whose_list_holds_the_held_out_item_are_drawn_each_once(
    ranks: list[int], seed: int, data: st.DataObject
) -> None:
    hits = sum(rank > 0 for rank in ranks)
    if hits == 0:
        return
    size = data.draw(st.integers(1, hits))
    subset = drawn(study(ranks), seed=seed, sample_size=size, history_length=10).to_pylist()
    assert len(subset) == len({row["user_id"] for row in subset}) == size
    for row in subset:
        assert row["candidates"][row["ground_truth_rank"] - 1] == row["ground_truth"]
    assert [row["user_id"] for row in subset] == sorted(row["user_id"] for row in subset)


@given(
    st.lists(st.integers(0, K), min_size=1, max_size=40),
    st.integers(0, 5),
    st.booleans(),
    st.sampled_from(["hits", "users"]),
    st.data(),
)
def test_a_larger_sample_only_adds_users_to_a_smaller_one(
    ranks: list[int], seed: int, tunes: bool, population: str, data: st.DataObject
) -> None:
    wanted = {"seed": seed, "tunes": tunes, "population": population, "tuning_share": 0.3}
    parts = study(ranks)
    assume(any(ranks) or population == "users")
    try:
        everybody = drawn(parts, **wanted, sample_size="all")
    except StudyError:
        assume(False)
    smaller_size = data.draw(st.integers(1, everybody.num_rows))
    larger_size = data.draw(st.integers(smaller_size, everybody.num_rows))
    smaller, larger = (
        drawn(parts, **wanted, sample_size=size) for size in (smaller_size, larger_size)
    )
    assert (smaller.num_rows, larger.num_rows) == (smaller_size, larger_size)
    rows = larger.to_pylist()
    assert all(row in rows for row in smaller.to_pylist())


@given(st.lists(st.integers(0, K), min_size=2, max_size=40), st.integers(0, 5), st.data())
def test_the_sample_is_the_first_of_those_with_a_hit_in_an_order_that_ignores_the_lists(
    ranks: list[int], seed: int, data: st.DataObject
) -> None:
    assume(any(ranks))
    size = data.draw(st.integers(1, sum(map(bool, ranks))))
    order = seeded_order(np.arange(len(ranks)) * 10 + 7, seed).tolist()
    with_hit = [user for user in order if ranks[user // 10]]
    assert ids(drawn(study(ranks), seed=seed, sample_size=size)) == sorted(with_hit[:size])


def test_every_user_is_as_likely_as_any_other_to_be_among_the_first() -> None:
    parts = study([1] * 10)
    counts = np.zeros(10)
    for seed in range(600):
        counts[[user // 10 for user in ids(drawn(parts, seed=seed, sample_size=3))]] += 1
    assert abs(counts - 180).max() < 5 * np.sqrt(600 * 0.3 * 0.7)


def test_history_is_the_newest_items_of_train_and_valid_oldest_first() -> None:
    subset = drawn(study([1, 2]), seed=0, sample_size=2, history_length=3)
    assert subset["history"].to_pylist() == [[6, 7, 8], [6, 7, 8]]


def test_too_few_hit_users_are_an_error_where_strict_that_says_how_many_there_are() -> None:
    with pytest.raises(
        StudyError,
        match=r"sample_size is 3, but there are only 2 users whose top 4 holds the held-out item "
        r"\(.*\); set it to 2 or less",
    ):
        drawn(study([1, 0, 4, 0]), seed=0, sample_size=3, history_length=10, strict=True)


def test_too_few_hit_users_are_all_taken_with_a_notice(caplog) -> None:
    subset = drawn(study([1, 0, 4, 0]), seed=0, sample_size=3, history_length=10)
    assert subset["ground_truth_rank"].to_pylist() == [1, 4]
    assert "there are only 2 users whose top 4 holds the held-out item" in caplog.text
    assert "all of them are taken" in caplog.text


@pytest.mark.parametrize("sample_size", [4, "all"])
@pytest.mark.parametrize("strict", [True, False])
def test_a_data_set_with_enough_users_is_not_spoken_of(sample_size, strict, caplog) -> None:
    check_enough_users(4, {"sample_size": sample_size, "strict": strict})
    assert not caplog.text


def test_too_few_users_at_all_are_told_before_anything_is_trained(caplog) -> None:
    check_enough_users(3, {"sample_size": 4, "strict": False})
    assert "subset.sample_size is 4, but the data set has only 3 users" in caplog.text
    with pytest.raises(StudyError, match=r"only 3 users; set it to 3 or less, or to all"):
        check_enough_users(3, {"sample_size": 4, "strict": True})


def test_where_nothing_is_tuned_users_set_aside_are_drawn_last() -> None:
    parts = study([1] * 40)
    wanted = {"seed": 3, "history_length": 5, "tuning_share": 0.5}
    tuned = [
        drawn(parts, **wanted, sample_size=size, tunes=True)["user_id"].to_pylist()
        for size in (10, 20)
    ]
    free = [
        drawn(parts, **wanted, sample_size=size, tunes=False)["user_id"].to_pylist()
        for size in (10, 20, 30)
    ]
    everybody = drawn(parts, **wanted, sample_size="all", tunes=False)
    assert free[:2] == tuned
    assert len(free[2]) == 30
    assert set(tuned[1]) < set(free[2])
    assert len(everybody) == 40


def test_population_users_draws_misses_too_with_rank_zero() -> None:
    subset = drawn(
        study([1, 0, 4, 0]), seed=0, sample_size=4, history_length=10, population="users"
    )
    assert subset["ground_truth_rank"].to_pylist() == [1, 0, 4, 0]


def test_all_draws_everybody_who_is_eligible_and_says_so_where_nobody_is() -> None:
    wanted = {"seed": 0, "sample_size": "all", "history_length": 10}
    assert drawn(study([1, 0, 4, 0]), **wanted)["ground_truth_rank"].to_pylist() == [
        1,
        4,
    ]
    assert drawn(study([1, 0, 4, 0]), **wanted, population="users")[
        "ground_truth_rank"
    ].to_pylist() == [1, 0, 4, 0]
    with pytest.raises(
        StudyError, match="there are only 0 users whose top 4 holds the held-out item"
    ):
        drawn(study([0, 0]), **wanted)


def test_the_seed_decides_who_is_drawn() -> None:
    everyone = study([1] * 200)
    samples = [
        drawn(everyone, seed=seed, sample_size=20, history_length=1)["user_id"].to_pylist()
        for seed in (1, 1, 2)
    ]
    assert samples[0] == samples[1] != samples[2]


def test_rows_in_any_order_give_the_same_subset() -> None:
    tidy = study([1, 2, 0, 3])
    shuffled = {
        **tidy,
        "recommendations": tidy["recommendations"].take(
            np.random.default_rng(0).permutation(4 * K)
        ),
    }
    wanted = {"seed": 3, "sample_size": 2, "history_length": 4}
    assert drawn(tidy, **wanted).equals(drawn(shuffled, **wanted))


TUNED = {"seed": 1, "sample_size": 100, "history_length": 10, "tuning_share": 0.5}


def tuning_of(parts: dict, **changes: object) -> pa.Table:
    """Here the last split stands for valid."""
    return sample_tuning_users(
        parts["recommendations"], parts["past"][0], parts["test"], **{**TUNED, **changes}
    )  # type: ignore[arg-type]


def test_tuning_users_are_hit_users_of_those_set_aside_with_the_valid_item_as_target() -> None:
    parts = study([1, 0, 2, 3, 4, 1, 0, 2] * 5)
    tuning = tuning_of(parts)
    aside = set_aside_for_tuning(parts["test"]["user_id"].to_numpy(), 0.5, 1).tolist()
    ranks = dict(
        zip(parts["test"]["user_id"].to_pylist(), [1, 0, 2, 3, 4, 1, 0, 2] * 5, strict=True)
    )
    assert len(aside) == 20
    assert tuning["user_id"].to_pylist() == [user for user in aside if ranks[user]]
    assert tuning["ground_truth_rank"].to_pylist() == [
        ranks[user] for user in tuning["user_id"].to_pylist()
    ]
    assert tuning["history"].to_pylist() == [[5, 6, 7]] * len(tuning), "train alone"
    assert tuning_of(parts, sample_size=3).num_rows == 3


@given(
    st.lists(st.integers(0, K), min_size=8, max_size=60),
    st.integers(0, 5),
    st.floats(0.1, 0.9),
    st.sampled_from(["hits", "users"]),
)
def test_nobody_tunes_and_is_tested_however_many_are_drawn(
    ranks: list[int], seed: int, share: float, population: str
) -> None:
    parts = study(ranks)
    aside = set(set_aside_for_tuning(parts["test"]["user_id"].to_numpy(), share, seed).tolist())
    hit = {
        user
        for user, rank in zip(parts["test"]["user_id"].to_pylist(), ranks, strict=True)
        if rank or population == "users"
    }
    assume(hit - aside)
    wanted = {
        "sample_size": len(hit - aside),
        "seed": seed,
        "history_length": 1,
        "tuning_share": share,
        "population": population,
    }
    assert set(drawn(parts, **wanted)["user_id"].to_pylist()) == hit - aside
    too_many = {"sample_size": len(hit - aside) + 1, "strict": True}
    with pytest.raises(StudyError, match=r"besides those whom tuning\.share sets aside"):
        drawn(parts, **(wanted | too_many))


@given(
    st.lists(st.integers(0, K), min_size=30, max_size=30),
    st.lists(st.integers(0, K), min_size=30, max_size=30),
)
def test_who_tunes_does_not_depend_on_anybodys_test_item(one: list[int], other: list[int]) -> None:
    """The draw does not see the test items. The draw for the test does, and takes nobody away."""
    valid = study([1] * 30)
    tuners = tuning_of(valid)["user_id"].to_pylist()
    for ranks in (one, other):
        assume(
            any(
                rank
                for user, rank in zip(valid["test"]["user_id"].to_pylist(), ranks, strict=True)
                if user not in tuners
            )
        )
        tested = drawn(study(ranks), seed=1, sample_size=1, history_length=1, tuning_share=0.5)
        assert not set(tested["user_id"].to_pylist()) & set(tuners)
    assert tuners == set_aside_for_tuning(valid["test"]["user_id"].to_numpy(), 0.5, 1).tolist()


def test_set_aside_users_depend_on_share_and_seed_and_not_on_the_order_of_rows() -> None:
    users = np.arange(1000) * 3
    aside = set_aside_for_tuning(users, 0.25, 7)
    assert len(set(aside.tolist())) == 250
    assert (
        aside.tolist()
        == set_aside_for_tuning(users[::-1], 0.25, 7).tolist()
        != set_aside_for_tuning(users, 0.25, 8).tolist()
    )
    assert len(set_aside_for_tuning(users, 0.0, 7)) == 0
    assert abs(np.isin(users[:500], aside).sum() - 125) < 40


def test_without_any_tuning_user_the_message_says_what_to_do() -> None:
    with pytest.raises(
        StudyError,
        match=r"of the 1 users whom tuning\.share sets aside.*raise it, or leave fusions out",
    ):
        tuning_of(study([0, 0]))


@pytest.mark.parametrize("population", ["hits", "users"])
def test_recommenders_draw_the_same_users_those_whom_any_list_serves(population: str) -> None:
    one, other = study([1, 0, 0, 2, 0, 3]), study([0, 4, 0, 1, 0, 0])
    lists, users = other["recommendations"], np.array(ids(one["test"]))
    lists = lists.filter(pa.array(lists["user_id"].to_numpy() != users[5]))  # no list of the last
    other["recommendations"] = lists
    wanted = {"sample_size": "all", "population": population}
    first = drawn(one, beside=[lists], **wanted)
    second = drawn(other, beside=[one["recommendations"]], **wanted)
    expected = [users[0], users[1], users[3]] if population == "hits" else list(users[:5])
    assert ids(first) == ids(second) == expected
    ranks = dict(zip(ids(second), second["ground_truth_rank"].to_pylist(), strict=True))
    assert (ranks[users[0]], ranks[users[1]], ranks[users[3]]) == (0, 4, 1)
