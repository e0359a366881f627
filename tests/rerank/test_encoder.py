"""Orders by the similarity of titles, held against a plain loop."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_lists import order_of, subset
from microrank.errors import StudyError
from microrank.rerank import encoder as encoder_module
from microrank.rerank.encoder import HALF_LIFE, VARIANTS, rerank_encoder


def vectors(ids: list[int], rows: np.ndarray, name: str = "item_id") -> pa.Table:
    return pa.table(
        {
            name: ids,
            "embedding": pa.FixedSizeListArray.from_arrays(np.float32(rows).ravel(), rows.shape[1]),
        }
    )


def plain(history: str, seen: np.ndarray, text: np.ndarray, candidate: np.ndarray) -> float:
    """The similarity as the definition reads, one candidate at a time."""

    def cosine(a: np.ndarray, b: np.ndarray) -> float:
        lengths = np.linalg.norm(a) * np.linalg.norm(b)
        return float(a @ b / lengths) if lengths else 0.0

    unit = [row / (np.linalg.norm(row) or 1) for row in seen]
    weights = [0.5 ** ((len(seen) - 1 - place) / HALF_LIFE) for place in range(len(seen))]
    match history:
        case "text":
            return cosine(text, candidate)
        case "max":
            return max(cosine(row, candidate) for row in seen)
        case "mean":
            return cosine(np.mean(unit, axis=0), candidate)
    return cosine(np.average(unit, axis=0, weights=weights), candidate)


@given(st.integers(0, 10**6), st.sampled_from(VARIANTS), st.integers(1, 3))
def test_every_variant_is_what_its_definition_says(
    seed: int, history: str, users_at_once: int
) -> None:
    random = np.random.default_rng(seed)
    ids = (random.permutation(12) + 1).tolist()
    table = random.normal(size=(12, 3)) * random.integers(0, 2, size=(12, 1))
    texts = random.normal(size=(3, 3))
    histories = [random.choice(12, random.integers(1, 5), replace=False) for _ in range(3)]
    candidates = [random.choice(12, 5, replace=False) for _ in range(3)]
    lists = subset(
        [[ids[i] for i in row] for row in histories], [[ids[i] for i in row] for row in candidates]
    )
    before, encoder_module.USERS_AT_ONCE = encoder_module.USERS_AT_ONCE, users_at_once
    try:
        rankings = rerank_encoder(
            lists, vectors(ids, table), vectors([10, 20, 30], texts, "user_id"), history
        )
    finally:
        encoder_module.USERS_AT_ONCE = before
    for user in range(3):
        score = {
            ids[i]: plain(
                history,
                np.float32(table)[histories[user]],
                np.float32(texts[user]),
                np.float32(table[i]),
            )
            for i in candidates[user]
        }
        scores_in_order = [score[item] for item in order_of(rankings, 10 * (user + 1))]
        assert scores_in_order == sorted(scores_in_order, reverse=True) or np.allclose(
            scores_in_order, sorted(scores_in_order, reverse=True), atol=1e-6
        )


def test_equal_similarities_keep_the_recommenders_order() -> None:
    same = vectors([1, 2, 3, 4], np.ones((4, 2)))
    rankings = rerank_encoder(
        subset([[1]], [[4, 2, 3]]), same, vectors([10], np.ones((1, 2)), "user_id"), "text"
    )
    assert order_of(rankings) == [4, 2, 3]
    assert set(rankings["source"].to_pylist()) == {"model"}


def test_recency_prefers_what_is_like_the_newest_and_the_mean_does_not() -> None:
    east, north = np.array([1.0, 0]), np.array([0, 1.0])
    table = vectors([1, 2, 3, 4, 5], np.stack([east, east, north, east, north]))
    lists, texts = subset([[1, 2, 3]], [[5, 4]]), vectors([10], east[None], "user_id")
    assert order_of(rerank_encoder(lists, table, texts, "mean")) == [4, 5]
    long_ago = subset([[1, 2, 3, 3, 3, 3]], [[4, 5]])
    assert order_of(rerank_encoder(long_ago, table, texts, "recency")) == [5, 4]


def test_embeddings_of_another_subset_are_an_error() -> None:
    with pytest.raises(StudyError, match="of another subset"):
        rerank_encoder(
            subset([[1]], [[2, 9]]),
            vectors([1, 2], np.ones((2, 2))),
            vectors([10], np.ones((1, 2)), "user_id"),
            "mean",
        )
