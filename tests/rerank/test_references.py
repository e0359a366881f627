"""The random shuffle and BM25."""

import numpy as np
from made_up_lists import catalogue, order_of, subset
from microrank.rerank.bm25 import rank_by_bm25
from microrank.rerank.random import rank_randomly


def test_a_shuffle_repeats_with_its_seed_and_puts_every_candidate_everywhere() -> None:
    lists = subset([[1]] * 4000, [[1, 2, 3, 4]] * 4000)
    one = rank_randomly(lists, 1)
    assert one.equals(rank_randomly(lists, 1))
    assert not one.equals(rank_randomly(lists, 2))
    orders = one["item_id"].to_numpy().reshape(4000, 4)
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
