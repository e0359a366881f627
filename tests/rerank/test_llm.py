"""From answers to rankings: one pass or several, and what is marked as fallback."""

import pyarrow as pa
import pytest
from made_up_lists import catalogue, order_of, subset
from microrank import tables
from microrank.errors import StudyError
from microrank.llm.answer_counts import AnswerCounts, sentences
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
    assert reranked.repairs == Repairs(2, 0, 0, counts=AnswerCounts(answers=2))


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
    assert reranked.rankings["source"].to_pylist() == ["model", *["fallback"] * 3, *["unread"] * 4]
    assert reranked.repairs == Repairs(
        2, 7, 2, {"empty": 1, "missing": 3}, AnswerCounts(answers=2, unread=1, partly_read=1)
    )


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
    assert reranked.rankings["source"].to_pylist() == [*["model"] * 3, "fallback", *["unread"] * 4]
    assert reranked.passes["order"].to_pylist() == [[1, 3, 0, 2], [3, 1, 0, 2], shown]


def test_candidates_named_by_their_titles_are_found_in_the_catalogue() -> None:
    titles = {5: "Heat (1990)", 6: "Seven (1991)", 7: "Babe (1992)", 8: "Nixon (1993)", 9: "Casino"}
    answers = responses(
        (10, "1. Nixon\n2. Seven\n3. Heat\n4. Babe", [0, 1, 2, 3]),
        (20, "- Seven\n- Nixon\n- Casino\n- Babe", [3, 2, 1, 0]),
    )
    for answer_format in ("ids", "numbers"):
        reranked = rerank_llm(LISTS, answers, answer_format, catalogue=catalogue(titles))
        assert order_of(reranked.rankings, 10) == [8, 6, 5, 7]
        assert order_of(reranked.rankings, 20) == [6, 8, 9, 7]


def test_answers_are_counted_by_what_they_are() -> None:
    shown, turned = [0, 1, 2, 3], [3, 2, 1, 0]
    answers = responses(
        (10, "[1, 2, 3, 4]", shown),
        (10, "[1, 2, 3, 4]", turned),
        (10, "[2, 4]", shown),
        (10, "[1, 2]", turned),
        (10, '{"ranking": [4, 3, 2, ', shown),
        (10, '{"a": [1, 2, 4, 3], "b": [2, 1, 4, 3]}', shown),
        (10, "I'm sorry, but I cannot judge films.", shown),
        (20, "Please send me the list.", shown),
    )
    counts = rerank_llm(LISTS, answers, "numbers").repairs.counts
    assert counts == AnswerCounts(
        answers=8,
        unread=3,
        partly_read=3,
        cut=1,
        ambiguous=1,
        refused=1,
        order_shown=3,
        near_order_shown=3,
    )
    assert "3 of 8 answers are the order shown" in list(sentences(counts))


@pytest.mark.parametrize(("swaps", "is_near"), [(1, 1), (4, 1), (5, 0)])
def test_an_answer_with_up_to_four_swaps_of_twenty_is_nearly_the_order_shown(
    swaps: int, is_near: int
) -> None:
    """Kendall's tau is 1 - 2 * swaps / 190 pairs; five swaps leave .947."""
    long = subset([[1]], [list(range(1, 21))])
    pairs = [[k + 1, k] if k <= 2 * swaps else [k, k + 1] for k in range(1, 21, 2)]
    text = ", ".join(str(number) for pair in pairs for number in pair)
    counts = rerank_llm(long, responses((10, text, list(range(20)))), "numbers").repairs.counts
    assert counts == AnswerCounts(answers=1, near_order_shown=is_near)


def test_an_answer_that_the_server_cut_is_counted_as_cut() -> None:
    answers = responses((10, "8, 7, 6, 5", [0, 1, 2, 3]), (20, "", [0, 1, 2, 3]))
    cut = answers.set_column(5, answers.schema.field(5), pa.array(["length", "content_filter"]))
    counts = rerank_llm(LISTS, cut, "ids").repairs.counts
    assert counts == AnswerCounts(answers=2, unread=1, cut=1, refused=1)
