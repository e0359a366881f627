"""Several recommenders on the same users: known differences, slices, and their tests."""

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import as_rankings, made_up_subset, perfect, unchanged
from microrank import tables
from microrank.errors import StudyError
from microrank.evaluation.compare_recommenders import Reranked, compare_recommenders
from microrank.evaluation.comparison import Comparison
from microrank.evaluation.equivalence import (
    equivalence_p_value,
    score_statistic,
    tango_interval,
)
from microrank.evaluation.list_figures import gini, list_figures
from microrank.evaluation.paired import mcnemar
from microrank.evaluation.score_of_mean import (
    VALUES,
    count_values,
    mean_equivalence_p_value,
    mean_interval,
    mean_score_statistic,
)
from microrank.evaluation.settings import Scoring
from microrank.evaluation.sign_flip import sign_flip_p_value
from microrank.evaluation.slices import slices_of

CHANGES = st.lists(st.integers(-2, 2), min_size=1, max_size=10).map(np.array)
COUNTS = st.tuples(*[st.integers(0, 40)] * 5).map(np.array).filter(lambda counts: counts.sum() > 0)


@given(CHANGES)
def test_the_sign_flip_p_value_is_the_share_of_all_flips_that_go_as_far(changes) -> None:
    sums = [
        abs(np.dot(signs, changes)) for signs in itertools.product((-1, 1), repeat=len(changes))
    ]
    expected = np.mean([total >= abs(changes.sum()) for total in sums])
    assert sign_flip_p_value(changes) == pytest.approx(expected, abs=1e-9)


@given(wins=st.integers(0, 300), losses=st.integers(0, 300), ties=st.integers(0, 50))
def test_without_twos_it_is_the_exact_mcnemar_test(wins: int, losses: int, ties: int) -> None:
    changes = np.repeat([1, -1, 0], [wins, losses, ties])
    assert sign_flip_p_value(changes) == pytest.approx(mcnemar(wins, losses), abs=1e-9)


def as_counts(wins: int, losses: int, ties: int) -> np.ndarray:
    return np.array([0, losses, ties, wins, 0])


@given(
    wins=st.integers(1, 60),
    losses=st.integers(1, 60),
    ties=st.integers(1, 200),
    mean=st.floats(-0.9, 0.9),
)
def test_without_twos_the_score_statistic_is_tangos_where_the_likeliest_shares_have_none(
    wins: int, losses: int, ties: int, mean: float
) -> None:
    n = wins + losses + ties
    statistic = mean_score_statistic(as_counts(wins, losses, ties), mean)
    tangos = score_statistic(wins, losses, n, mean)
    seen = (wins - losses) / n
    if abs(mean - seen) < 0.25 * ((wins + losses) / n - seen**2):
        assert statistic == pytest.approx(tangos, abs=1e-6)


def test_interval_and_equivalence_are_tangos_without_twos() -> None:
    counts = as_counts(22, 18, 60)
    assert mean_interval(counts, 0.9) == pytest.approx(tango_interval(22, 18, 100), abs=1e-6)
    assert mean_equivalence_p_value(counts, 0.15) == pytest.approx(
        equivalence_p_value(22, 18, 100, 0.15), abs=1e-6
    )


@given(COUNTS, st.sampled_from([0.9, 0.95]))
def test_the_interval_holds_the_mean_and_turns_round_with_the_signs(counts, confidence) -> None:
    low, high = mean_interval(counts, confidence)
    mean = counts @ VALUES / counts.sum()
    assert -2 <= low <= mean + 1e-6
    assert mean - 1e-6 <= high <= 2
    turned = mean_interval(counts[::-1], confidence)
    assert turned == pytest.approx((-high, -low), abs=1e-5)


@given(COUNTS, st.floats(-1.9, 1.9))
def test_the_likeliest_shares_are_those_of_a_search(counts, mean: float) -> None:
    """The statistic falls as the mean grows, and is 0 at the mean that was seen."""
    assert mean_score_statistic(counts, mean) >= mean_score_statistic(counts, mean + 0.05) - 1e-6
    seen = float(counts @ VALUES) / counts.sum()
    if abs(seen) < 1.9:
        assert mean_score_statistic(counts, seen) == pytest.approx(0, abs=1e-6)


def test_nobody_who_differs_among_few_users_shows_no_equivalence() -> None:
    nobody = np.array([0, 0, 60, 0, 0])
    assert mean_equivalence_p_value(nobody, 0.05) > 0.05
    assert mean_equivalence_p_value(nobody * 100, 0.05) < 0.001
    assert mean_equivalence_p_value(np.zeros(5, int), 0.05) == 1


@pytest.mark.parametrize("shares", [(0.05, 0.1, 0.65, 0.15, 0.05), (0.0, 0.1, 0.75, 0.15, 0.0)])
def test_equivalence_is_wrongly_shown_in_at_most_a_twentieth_of_studies(shares) -> None:
    """The true mean is the margin."""
    random = np.random.default_rng(1)
    margin = float(np.array(shares) @ VALUES)
    counts = random.multinomial(800, shares, size=2000)
    kinds, times = np.unique(counts, axis=0, return_counts=True)
    wrong = [mean_equivalence_p_value(one, margin) <= 0.05 for one in kinds[:400]]
    assert np.average(wrong, weights=times[:400]) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


def test_the_gini_index_is_0_for_all_alike_and_1_for_one_item_alone() -> None:
    assert gini(np.full(7, 3)) == pytest.approx(0)
    assert gini(np.array([0, 0, 5, 0])) == pytest.approx(1)
    assert gini(np.array([1, 3])) == pytest.approx(0.5)


def test_coverage_and_novelty_are_those_counted_by_hand() -> None:
    figures = list_figures(
        np.array([1, 0, 2, 0]),
        np.array([4, 2, 0, 2]),
        np.array([4, 2, 1, 0]),
        n_users=8,
        k=2,
        confidence=0.95,
        samples=200,
        random=np.random.default_rng(1),
    )
    assert figures.coverage == 3 / 4
    assert figures.novelty == pytest.approx((4 * 1 + 2 * 2 + 2 * 3) / 8)
    assert list(figures.figures) == ["HR@2", "NDCG@2"]
    assert figures.figures["HR@2"].value == 0.5
    assert figures.figures["HR@2"].low < 0.5 < figures.figures["HR@2"].high


def test_slices_are_thirds_and_new_items_stand_by_themselves() -> None:
    lengths, taken = np.repeat([1, 5, 9], 4), np.array([0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9])
    slices = slices_of(lengths, taken)
    of_lengths = [one for one in slices if one.by == "history"]
    assert [one.name for one in of_lengths] == ["items: 1", "items: 5", "items: 9"]
    assert np.stack([one.is_in for one in of_lengths]).sum(axis=0).tolist() == [1] * 12
    of_items = slices[3:]
    assert of_items[0].name == "new: nobody took it before"
    assert of_items[0].is_in.sum() == 2
    assert np.stack([one.is_in for one in of_items]).sum(axis=0).tolist() == [1] * 12
    assert len(slices_of(np.ones(5, int), np.ones(5, int))) == 2, (
        "a third that is empty is left out"
    )


K, N = 20, 60


def reranked(truth_ranks: np.ndarray, **places: np.ndarray) -> Reranked:
    subset = made_up_subset(truth_ranks, K)
    users, lists = subset["user_id"].to_numpy(), np.array(subset["candidates"].to_pylist())
    rows = [np.repeat(users, K), np.tile(np.arange(1, K + 1), len(users)), lists.ravel()]
    recommendations = pa.table([*rows, np.zeros(len(rows[0]))], names=tables.RECOMMENDATIONS.names)
    rankings = {name: as_rankings(subset, order) for name, order in places.items()}
    return Reranked(recommendations.cast(tables.RECOMMENDATIONS), subset, rankings)


def held_out(study: Reranked, truth: pa.ChunkedArray) -> Reranked:
    """The same held-out item in every study, as it is of the same user."""
    place = study.subset.schema.get_field_index("ground_truth")
    return study._replace(subset=study.subset.set_column(place, "ground_truth", truth))


def compared(studies: dict[str, Reranked], primary: tuple[str, ...] = ()) -> Comparison:
    first = next(iter(studies.values())).subset
    truth = first["ground_truth"]
    users = first["user_id"].to_numpy()
    test = pa.table([users, truth, np.full(len(users), 3)], names=tables.SPLIT.names)
    past = pa.table([users, users * 100 + 30, np.zeros(len(users))], names=tables.SPLIT.names)
    ids = np.unique(
        np.concatenate(
            [truth.to_numpy(), users * 100 + 30]
            + [
                np.array(study.subset["candidates"].to_pylist()).ravel()
                for study in studies.values()
            ]
        )
    )
    columns = [ids, np.arange(1, len(ids) + 1), [""] * len(ids), np.ones(len(ids))]
    return compare_recommenders(
        studies,
        [past.cast(tables.SPLIT)],
        test.cast(tables.SPLIT),
        pa.table(columns, names=tables.ITEMS.names).cast(tables.ITEMS),
        Scoring(bootstrap_samples=200),
        primary=primary,
        seed=1,
    )


def test_gains_on_two_lists_are_compared_user_by_user_and_a_missing_item_is_a_miss() -> None:
    """The oracle moves 40 users' items up on one list; the other list holds them in front."""
    far, near = np.repeat([15, 3, 0], 20), np.repeat([1, 3, 3], 20)
    better = reranked(far, oracle=perfect(far), none=unchanged(N))
    good = held_out(
        reranked(near, oracle=perfect(near), none=unchanged(N)), better.subset["ground_truth"]
    )
    subset = good.subset
    lists = np.array(subset["candidates"].to_pylist())
    truth = subset["ground_truth"].to_numpy()
    displaced = lists[np.arange(N), near - 1].copy()
    lists = np.where(lists == truth[:, None], displaced[:, None], lists)
    lists[np.arange(N), near - 1] = truth
    place = subset.schema.get_field_index("candidates")
    subset = subset.set_column(place, "candidates", pa.array(list(lists), pa.list_(pa.int64())))
    rankings = {
        "oracle": as_rankings(subset, perfect(near)),
        "none": as_rankings(subset, unchanged(N)),
    }
    flat = good.recommendations.set_column(2, "item_id", pa.array(lists.ravel()))
    other = Reranked(flat, subset, rankings)
    comparison = compared({"far": better, "near": other}, primary=("oracle",))
    rows = {row.method: row for row in comparison.differences}
    assert rows["oracle"].gains == (20 / N, 0.0)
    assert rows["oracle"].delta == pytest.approx(20 / N)
    assert rows["oracle"].p_value == pytest.approx(mcnemar(20, 0), abs=1e-9)
    assert rows["none"].delta == 0
    assert rows["none"].p_value == 1
    assert (rows["oracle"].family, rows["none"].family) == ("primary", "exploratory")
    [pair] = comparison.pairs
    assert (pair.hits.wins, pair.hits.losses) == (0, 40)
    assert comparison.n_any == N
    assert comparison.lists["far"].hits == 40
    assert Comparison.from_json(comparison.to_json()) == comparison
    assert {row.method for row in comparison.method_slices} == {"oracle", "none"}
    assert all(row.hits.p_holm >= row.hits.p_value for row in comparison.method_slices)


def test_studies_of_other_users_are_refused() -> None:
    ranks = np.repeat([1, 3], 30)
    one = reranked(ranks, none=unchanged(N))
    fewer = one._replace(subset=one.subset.slice(1))
    with pytest.raises(StudyError, match="the subset of fewer is of other users"):
        compared({"one": one, "fewer": fewer._replace(rankings={})})


def test_counts_of_changes_are_by_value() -> None:
    assert count_values(np.array([-2, 0, 0, 1, 2, 2])).tolist() == [1, 0, 2, 1, 2]
