"""The random shuffle and BM25."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_lists import catalogue, order_of, subset
from microrank.rerank.bm25 import rank_by_bm25
from microrank.rerank.random import rank_randomly


def test_a_shuffle_repeats_with_its_seed_and_puts_every_candidate_everywhere() -> None:
    lists = subset([[1]] * 4000, [[1, 2, 3, 4]] * 4000)
    shuffled = rank_randomly(lists, 1)
    assert shuffled.equals(rank_randomly(lists, 1))
    assert not shuffled.equals(rank_randomly(lists, 2))
    orders = shuffled["item_id"].to_numpy().reshape(4000, 4)
    assert (np.sort(orders, axis=1) == [1, 2, 3, 4]).all()
    for place in range(4):
        assert np.bincount(orders[:, place], minlength=5)[1:].min() > 900


def test_titles_that_share_rare_words_with_the_history_come_first() -> None:
    rankings = rank_by_bm25(subset([[1, 2], [3]], [[6, 4, 7, 5], [1, 2, 6, 4]]), catalogue())
    assert order_of(rankings, 10)[:2] == [5, 4], "cat, then fish"
    assert order_of(rankings, 20)[0] == 6


def test_without_titles_the_recommenders_order_stays() -> None:
    bare = catalogue({1: "", 2: "", 3: "", 4: ""})
    assert order_of(rank_by_bm25(subset([[1]], [[4, 2, 3]]), bare)) == [4, 2, 3]


def slow_bm25(
    query: list[str], titles: dict[int, list[str]], item: int, k1: float = 1.5, b: float = 0.75
) -> float:
    """BM25 as Lucene scores.

    Σ over the query's words, repeated ones too, of
    idf · tf / (tf + k1·(1 − b + b·length / mean length)), where
    idf = ln(1 + (N − df + ½) / (df + ½)), without the constant factor k1 + 1
    (Kamphuis et al., Which BM25 do you mean?, ECIR 2020).
    """
    mean_length = sum(map(len, titles.values())) / len(titles)
    score = 0.0
    for word in query:
        tf, df = titles[item].count(word), sum(word in title for title in titles.values())
        if tf:
            idf = math.log(1 + (len(titles) - df + 0.5) / (df + 0.5))
            score += idf * tf / (tf + k1 * (1 - b + b * len(titles[item]) / mean_length))
    return score


TITLE = st.lists(st.sampled_from(["cat", "fish", "soup", "market", "rice", "roof"]), max_size=8)


@given(st.lists(TITLE, min_size=7, max_size=7).filter(any))
def test_bm25_is_its_definition(words: list[list[str]]) -> None:
    titles = dict(enumerate(words, start=1))
    rankings = rank_by_bm25(
        subset([[1, 2]], [[3, 4, 5, 6, 7]]),
        catalogue({item: " ".join(title) for item, title in titles.items()}),
    )
    expected = {item: slow_bm25(titles[1] + titles[2], titles, item) for item in range(3, 8)}
    scores = dict(zip(rankings["item_id"].to_pylist(), rankings["score"].to_pylist(), strict=True))
    assert scores == pytest.approx(expected, rel=1e-5, abs=1e-7)
