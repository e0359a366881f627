"""The heap sort with several children: right orders, any answers, and never too many questions."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from microrank.llm.heap import best_of, most_questions

SIZES = {"n": st.integers(1, 40), "k": st.integers(1, 45), "children": st.integers(1, 6)}


def played(n: int, k: int, children: int, best) -> tuple[list[int], list[list[int]]]:
    """What comes out where `best` chooses, and the comparisons that were made."""
    sort, compared = best_of(n, k, children), []
    try:
        items = next(sort)
        while True:
            compared.append(items)
            items = sort.send(best(items))
    except StopIteration as stop:
        return stop.value, compared


@given(**SIZES, mixed=st.randoms(use_true_random=False))
def test_answers_by_one_order_give_that_orders_first(n, k, children, mixed: random.Random) -> None:
    order = mixed.sample(range(n), n)
    found, compared = played(n, k, children, lambda items: min(items, key=order.index))
    assert found == order[:k]
    assert all(
        2 <= len(items) <= children + 1 and items == sorted(set(items)) for items in compared
    )


@given(**SIZES, mixed=st.randoms(use_true_random=False))
def test_any_answers_give_different_items_in_no_more_questions_than_is_said(
    n, k, children, mixed: random.Random
) -> None:
    found, compared = played(n, k, children, mixed.choice)
    assert len(found) == len(set(found)) == min(n, k)
    assert set(found) <= set(range(n))
    assert len(compared) <= most_questions(n, k, children, lambda size: 1)
    pairs = sum(len(items) - 1 for items in compared)
    assert pairs <= most_questions(n, k, children, lambda size: size - 1)


@given(**SIZES)
def test_who_always_names_the_first_gets_the_order_that_was_given(n, k, children) -> None:
    assert played(n, k, children, min)[0] == list(range(n))[:k]


@pytest.mark.parametrize(
    ("n", "k", "children", "most"),
    # By hand: a heap of 7 with 2 children is built by 2 + 1 + 1 questions; each further one of the
    # best sinks from the root of a heap of 6, 5, … items.
    [(7, 1, 2, 4), (7, 2, 2, 6), (7, 7, 2, 4 + 2 + 2 + 2 + 1 + 1), (3, 3, 2, 1 + 1), (1, 1, 2, 0)],
)
def test_the_most_questions_of_small_heaps_are_those_counted_by_hand(n, k, children, most) -> None:
    assert most_questions(n, k, children, lambda size: 1) == most


def test_the_bound_is_reached_by_answers_that_let_everything_sink() -> None:
    largest = max(len(played(7, 2, 2, random.Random(seed).choice)[1]) for seed in range(300))
    assert largest == most_questions(7, 2, 2, lambda size: 1)
