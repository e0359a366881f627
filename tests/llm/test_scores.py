"""Answers that score candidates: known ones, repairs counted, and always a permutation."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llm.any_answers import IDS, ORDER, PIECES, mutations, read_permutation
from microrank.llm.reading.answer import read_answer


@pytest.mark.parametrize(
    ("text", "positions", "from_model", "repairs"),
    [
        ('{"scores": {"1": 2, "2": 9, "3": 0, "4": 5}}', [0, 1, 2, 3], 4, {}),
        ('{"1": 2, "2": 9, "3": 0, "4": 5}', [0, 1, 2, 3], 4, {}),
        ('{"scores": [2, 9, 0, 5]}', [0, 1, 2, 3], 4, {}),
        (
            '{"scores": [{"number": 3, "score": "8/10"}, {"number": 1, "score": 7.5}]}',
            [3, 2, 0, 1],
            2,
            {"missing": 2},
        ),
        (
            '{"scores": {"101": 1, "7": 2, "55": 3, "3000": 4}}',
            [3, 2, 1, 0],
            4,
            {"ids_for_numbers": 1},
        ),
        ('{"scores": {"1": 5, "2": 5, "3": 5, "4": 5}}', [0, 1, 2, 3], 4, {}),
        ('{"scores": {"1": 9, "9": 10, "2": 1}}', [2, 0, 1, 3], 2, {"foreign": 1, "missing": 2}),
        ('{"scores": {"1": 9, "[1]": 2, "2": 1}}', [2, 0, 1, 3], 2, {"duplicate": 1, "missing": 2}),
        ('{"scores": [2, 9, 0]}', [0, 1, 2, 3], 0, {"empty": 1}),
        ('{"scores": {"1": 2, "2": 9, "3": 1', [0, 2, 1, 3], 2, {"cut": 1, "missing": 2}),
        ('{"scores": {"1": 2, "2": 9, "3": 1,}}', [0, 2, 3, 1], 3, {"missing": 1}),
        (
            'Sure!\n```json\n{"scores": {"1": 2, "2": 9, "3": 0, "4": 5}}\n```',
            [0, 1, 2, 3],
            4,
            {"fence": 1, "prose": 1},
        ),
        ("<think>1: 10</think>1: 2\n2: 9\n3: 0\n4: 5", [0, 1, 2, 3], 4, {"thinking": 1}),
        (
            "[1] A title of 1999: 2/10\n[4] Another – 8/10",
            [1, 2, 0, 3],
            2,
            {"missing": 2},
        ),
        ('{"scores": {"1": NaN, "2": 1e300, "3": true, "4": -1}}', [1, 0, 2, 3], 1, {"missing": 3}),
        ("I cannot tell.", [0, 1, 2, 3], 0, {"empty": 1}),
        (None, [0, 1, 2, 3], 0, {"empty": 1}),
    ],
)
def test_known_answers(
    text: str | None, positions: list[int], from_model: int, repairs: dict[str, int]
) -> None:
    parsed = read_answer(text, "scores", IDS, ORDER)
    assert (parsed.positions, parsed.from_model, dict(parsed.repairs)) == (
        positions,
        from_model,
        repairs,
    )


@given(
    st.permutations([1, 2, 3, 4]).flatmap(
        lambda names: st.tuples(
            st.just(names), st.lists(st.integers(0, 10), min_size=4, max_size=4)
        )
    )
)
def test_a_larger_score_comes_first_and_equal_ones_keep_the_recommenders_order(
    given_scores: tuple[list[int], list[int]],
) -> None:
    scores = dict(zip(*given_scores, strict=True))
    parsed = read_answer(json.dumps({"scores": scores}), "scores", IDS, ORDER)
    of_position = {ORDER[number - 1]: score for number, score in scores.items()}
    assert parsed.positions == sorted(
        range(4), key=lambda position: (-of_position[position], position)
    )
    assert parsed.scores == tuple(of_position[position] for position in range(4))


SCORE_PIECES = [*PIECES, "9.5", "scores", "/10"]


def check(text: str) -> None:
    parsed = read_permutation(text, "scores")
    assert parsed.scores is not None
    assert sum(score is not None for score in parsed.scores) == parsed.from_model
    in_order = [parsed.scores[position] for position in parsed.positions[: parsed.from_model]]
    assert in_order == sorted(in_order, reverse=True)  # type: ignore[type-var]


@given(st.lists(st.sampled_from(SCORE_PIECES), max_size=60).map("".join) | st.text(max_size=200))
def test_whatever_is_answered_a_permutation_comes_of_it(text: str) -> None:
    check(text)


def test_some_thousand_mutated_answers_are_permutations() -> None:
    answers = [
        '{"scores": {"1": 2, "2": 9, "3": 0, "4": 5}}',
        "1: 2\n2: 9\n3: 0",
        "```json\n[2, 9, 0, 5]\n```",
    ]
    for text in mutations(answers, SCORE_PIECES, 3000):
        check(text)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 150_000,
        '{"1":' * 30_000,
        "1 " * 90_000,
        "1: 2\n" * 40_000,
        "9" * 200_000,
        "1" + " 2." * 60_000,
    ],
)
def test_hostile_text_is_read_in_bounded_time(text: str) -> None:
    check(text)
