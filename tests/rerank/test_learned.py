"""A learned re-ranker: a conditional logit with a known optimum, and planted parts."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from made_up_lists import order_of, subset
from microrank import tables
from microrank.methods import Method, Methods
from microrank.rerank.fusion import fuse_rankings
from microrank.rerank.learned import fit_weights, tried_penalties
from microrank.rerank.random import rank_randomly
from microrank.rerank.scored import rankings_by_score
from scipy.optimize import minimize

K = 5


def loss(weights: np.ndarray, features: np.ndarray, truth: np.ndarray, penalty: float) -> float:
    """The negated aim of `fit_weights`, straight from its formula."""
    total = penalty * float(weights @ weights) / 2
    for of_user, place in zip(features, truth, strict=True):
        scores = of_user @ weights
        total -= scores[place] - np.log(np.sum(np.exp(scores)))
    return total


@given(st.integers(0, 10_000), st.sampled_from([0.1, 1.0, 100.0]))
def test_the_weights_are_the_optimum_of_the_formula(seed: int, penalty: float) -> None:
    random = np.random.default_rng(seed)
    features, truth = random.normal(size=(30, K, 3)), random.integers(K, size=30)
    weights = fit_weights(features, truth, penalty)
    best = minimize(loss, np.zeros(3), (features, truth, penalty), method="BFGS", tol=1e-10)
    np.testing.assert_allclose(weights, best.x, atol=1e-4)


def test_one_feature_that_says_nothing_gets_no_weight() -> None:
    features = np.zeros((20, K, 2))
    features[:, :, 0] = np.tile(np.arange(K), (20, 1))
    weights = fit_weights(features, np.full(20, K - 1), 1.0)
    assert weights[0] > 0
    assert weights[1] == 0


def test_penalties_are_judged_on_users_whom_the_weights_were_not_fitted_to() -> None:
    """Of two users only one fold at a time is left out, and noise gives nothing away."""
    random = np.random.default_rng(0)
    features, truth = random.normal(size=(400, K, 2)), random.integers(K, size=400)
    chance = np.mean([1 / np.log2(1 + rank) for rank in range(1, K + 1)])
    for values in tried_penalties(features, truth, 10):
        assert abs(values.mean() - chance) < 0.06


def users(n: int, first: int = 0) -> pa.Table:
    lists = subset([[1]] * n, [[1, 2, 3, 4, 5]] * n)  # the held-out item stands last
    return lists.set_column(0, lists.schema.field(0), pa.array(lists["user_id"].to_numpy() + first))


def part(lists: pa.Table, scores: list[float]) -> pa.Table:
    return rankings_by_score(lists, np.tile(np.array(scores, float), lists.num_rows))


def test_a_learned_order_follows_the_parts_that_served_the_tuning_users() -> None:
    test, tuning = users(1), users(40, 10_000)
    right, wrong = [1, 2, 3, 4, 5], [5, 4, 3, 2, 1]
    fused = fuse_rankings(
        "learned",
        test,
        [part(test, [3, 1, 2, 5, 4]), part(test, wrong), rank_randomly(test, 3)],
        tuning,
        [part(tuning, right), rank_randomly(tuning, 1), rank_randomly(tuning, 2)],
        of=["right", "noise", "more-noise"],
    )
    weights = dict(zip(fused.choice.of, fused.choice.weights, strict=True))
    assert weights["right"] > 10 * max(abs(weights["noise"]), abs(weights["more-noise"]))
    assert order_of(fused.rankings)[0] == 4
    assert fused.choice.tuning_users == 40
    assert fused.rankings.schema == tables.RANKINGS


def test_the_held_out_items_of_the_test_change_nothing() -> None:
    test, tuning = users(2), users(12, 10_000)
    moved = test.set_column(1, test.schema.field(1), pa.array([1, 2], pa.int64()))
    parts = [rank_randomly(test, 1), part(test, [1, 2, 3, 4, 5])]
    tuning_parts = [rank_randomly(tuning, 1), part(tuning, [1, 2, 3, 4, 5])]
    assert fuse_rankings("learned", test, parts, tuning, tuning_parts) == fuse_rankings(
        "learned", moved, parts, tuning, tuning_parts
    )


def test_learned_rows_are_paired_where_language_models_alone_were_added() -> None:
    llm, bm25 = Method("llm", "llm", settings={"llm": "x"}), Method("bm25", "reference")

    def learned(name: str, *parts: Method) -> Method:
        return Method(name, "fusion", parts, {"fusion": "learned"})

    rows = (learned("with", bm25, llm), learned("without", bm25), learned("model-alone", llm))
    methods = Methods(Method("nfm", "recommender"), rows)
    assert methods.with_and_without_model == [("with", "without")]
