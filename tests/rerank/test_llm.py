"""From answers to rankings: one pass or several, and what is marked as fallback."""

import pyarrow as pa
import pytest
from made_up_lists import order_of, subset
from microrank import tables
from microrank.errors import StudyError
from microrank.rerank.llm import rerank_llm
from microrank.rerank.repairs import Repairs

LISTS = subset([[1], [1]], [[5, 6, 7, 8], [9, 8, 7, 6]])


def responses(*answers: tuple[int, str | None, list[int]]) -> pa.Table:
    """Table RESPONSES of (user, text, order shown)."""
    rows = [
        {
            "user_id": user,
            "pass": number,
            "order": order,
            "request_key": "k",
            "text": text,
            "finish_reason": "stop",
            "served_model": "m",
        }
        for number, (user, text, order) in enumerate(answers)
    ]
    return pa.Table.from_pylist(rows, schema=tables.RESPONSES)


def test_a_full_answer_is_the_ranking() -> None:
    reranked = rerank_llm(
        LISTS, responses((10, "8,7,6,5", [0, 1, 2, 3]), (20, "6,9,8,7", [0, 1, 2, 3])), "ids"
    )
    assert order_of(reranked.rankings, 10) == [8, 7, 6, 5]
    assert order_of(reranked.rankings, 20) == [6, 9, 8, 7]
    assert set(reranked.rankings["source"].to_pylist()) == {"model"}
    assert reranked.repairs == Repairs(answers=2, fallback_candidates=0, repaired=0)


def test_what_was_read_in_each_answer_is_kept_before_answers_are_aggregated() -> None:
    answers = responses(
        (10, "8,5", [3, 2, 1, 0]), (10, "6,5,7,8", [0, 1, 2, 3]), (20, "", [0, 1, 2, 3])
    )
    passes = rerank_llm(LISTS, answers, "ids").passes
    assert passes.schema.equals(tables.PASSES)
    assert passes.select(["user_id", "pass"]).equals(answers.select(["user_id", "pass"]))
    assert passes["order"].to_pylist() == [[3, 0, 1, 2], [1, 0, 2, 3], [0, 1, 2, 3]]
    assert passes["named"].to_pylist() == [2, 4, 0]


def test_candidates_that_are_not_named_follow_in_the_recommenders_order_marked_fallback() -> None:
    reranked = rerank_llm(LISTS, responses((10, "7", [3, 2, 1, 0]), (20, "", [0, 1, 2, 3])), "ids")
    assert order_of(reranked.rankings, 10) == [7, 5, 6, 8]
    assert reranked.rankings["source"].to_pylist() == ["model", *["fallback"] * 7]
    assert reranked.repairs == Repairs(2, 7, 2, {"empty": 1, "missing": 3})


def test_numbers_are_read_by_the_order_in_which_candidates_were_shown() -> None:
    reranked = rerank_llm(
        LISTS,
        responses((10, "[1, 2, 3, 4]", [3, 1, 0, 2]), (20, "[1, 2, 3, 4]", [0, 1, 2, 3])),
        "numbers",
    )
    assert order_of(reranked.rankings, 10) == [8, 6, 5, 7]


@pytest.mark.parametrize(
    ("aggregate", "expected"), [("borda", [6, 8, 5, 7]), ("reciprocal", [8, 6, 5, 7])]
)
def test_passes_are_aggregated_and_a_candidate_named_once_is_the_models(
    aggregate: str, expected: list[int]
) -> None:
    """Ranks of 5, 6, 7, 8 over three answers: 2+3+2, 3+2+1, 4+4+3, 1+1+4.

    By Borda 6 and 8 tie, which leaves the recommender's order.
    """
    shown = [0, 1, 2, 3]
    answers = responses(
        (10, "8,5,6,7", shown), (10, "8,6,5,7", shown), (10, "6", shown), (20, "9,8,7,6", shown)
    )
    reranked = rerank_llm(LISTS, answers, "ids", aggregate)
    assert order_of(reranked.rankings, 10) == expected
    assert set(reranked.rankings["source"].to_pylist()) == {"model"}
    assert reranked.repairs.answers == 4


def test_a_user_without_an_answer_is_an_error() -> None:
    with pytest.raises(StudyError, match="user 20 has no answer"):
        rerank_llm(LISTS, responses((10, "8", [0, 1, 2, 3])), "ids")


def test_scores_are_averaged_over_the_answers_that_have_them_and_carried_by_the_ranking() -> None:
    """Of 5, 6, 7, 8 in two answers: 4 and none, 9 and 3, none, 5 and 8."""
    shown = [0, 1, 2, 3]
    answers = responses(
        (10, '{"scores": {"1": 4, "2": 9, "4": 5}}', shown),
        (10, '{"scores": {"1": 3, "2": 8}}', [1, 3, 0, 2]),
        (20, "", shown),
    )
    reranked = rerank_llm(LISTS, answers, "scores")
    assert order_of(reranked.rankings, 10) == [8, 6, 5, 7]
    assert reranked.rankings["score"].to_pylist() == [6.5, 6, 4, None, *[None] * 4]
    assert reranked.rankings["source"].to_pylist() == [*["model"] * 3, *["fallback"] * 5]
    assert reranked.passes["order"].to_pylist() == [[1, 3, 0, 2], [3, 1, 0, 2], shown]
