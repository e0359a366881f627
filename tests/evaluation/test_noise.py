"""Whose variance a row's hits have: planted models that vary at random, and that never do."""

import json

import numpy as np
import pyarrow as pa
import pytest
from made_up import as_rankings, made_up_subset, perfect, shuffled
from microrank.errors import StudyError
from microrank.evaluation.noise import Asked, Noise, NoiseRow, measure_noise
from microrank.llm.answer_counts import AnswerCounts

N = 200
TRUTH = np.arange(N) % 20 + 1
SUBSET = made_up_subset(TRUTH)
READ = AnswerCounts(N)


def of_row(
    orders: list[np.ndarray], seeds: tuple = (), subset: pa.Table = SUBSET, **counts: int
) -> NoiseRow:
    answers = [Asked(as_rankings(subset, order), READ) for order in orders]
    answers[-1] = answers[-1]._replace(counts=AnswerCounts(N, **counts))
    noise = measure_noise(
        subset,
        {"mine": answers},
        {"mine": seeds},
        cutoff=10,
        confidence=0.95,
        samples=500,
        seed=3,
    )
    assert Noise.from_json(json.loads(json.dumps(noise.to_json()))) == noise
    return noise.rows[0]


def test_answers_at_random_have_all_of_the_variance() -> None:
    random = np.random.default_rng(2)
    row = of_row([shuffled(N, random) for _ in range(4)])
    assert row.of_users == pytest.approx(0, abs=0.03)
    assert row.share > 0.9
    assert row.share_high == pytest.approx(1.0)
    assert row.orders_vary == N
    assert row.of_seeds is None


def test_answers_that_never_vary_have_none_of_it() -> None:
    order = shuffled(N, np.random.default_rng(2))
    row = of_row([order] * 3)
    assert (row.of_answers, row.share, row.share_low, row.share_high) == (0, 0, None, None)
    assert (row.orders_vary, row.hits_vary) == (0, 0)
    assert len(set(row.hits)) == 1
    assert row.of_users == pytest.approx(0.25, abs=0.02)


def test_where_all_hits_are_the_same_no_share_is_told() -> None:
    row = of_row([perfect(TRUTH)] * 2)
    assert row.hits == (N, N)
    assert row.share is None


def test_users_whose_answers_alone_vary_are_told_apart_from_those_that_do_not() -> None:
    random = np.random.default_rng(5)
    steady = perfect(TRUTH)
    orders = []
    for _ in range(5):
        order = shuffled(N, random)
        order[: N // 2] = steady[: N // 2]
        orders.append(order)
    row = of_row(orders)
    assert row.orders_vary == N // 2
    assert 0 < row.hits_vary <= N // 2
    # Half of the users are always a hit, half of them at every second answer.
    assert row.of_answers == pytest.approx(0.125, abs=0.02)
    assert row.of_users == pytest.approx(0.0625, abs=0.02)
    assert row.share_low < 2 / 3 < row.share_high


def test_seeds_that_differ_have_a_share_of_their_own() -> None:
    random = np.random.default_rng(5)
    good = (SUBSET, as_rankings(SUBSET, perfect(TRUTH)))
    chance = (SUBSET, as_rankings(SUBSET, shuffled(N, random)))
    orders = [shuffled(N, random) for _ in range(2)]
    apart, alike = of_row(orders, (good, chance)), of_row(orders, (chance, chance))
    assert apart.of_seeds == pytest.approx(0.125, abs=0.02)
    assert alike.of_seeds == 0
    assert apart.share < alike.share


def test_the_worst_answers_decide_whether_a_row_was_read() -> None:
    row = of_row([perfect(TRUTH)] * 2, unread=N // 2, order_shown=N // 4)
    assert (row.unread, row.order_shown) == (0.5, 0.25)


def test_one_user_alone_is_refused() -> None:
    one = made_up_subset(TRUTH[:1])
    with pytest.raises(StudyError, match="takes at least two"):
        of_row([perfect(TRUTH[:1])] * 2, subset=one)
