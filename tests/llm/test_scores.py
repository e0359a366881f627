"""Answers that score candidates: known ones, repairs counted, and always a permutation."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from microrank.llm.scores import parse_scores

IDS = [101, 7, 55, 3000]
ORDER = [2, 0, 3, 1]  # shown: 55, 101, 3000, 7


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
            {"prose": 1, "missing": 2},
        ),
        ('{"scores": {"1": NaN, "2": 1e300, "3": true, "4": -1}}', [1, 0, 2, 3], 1, {"missing": 3}),
        ("I cannot tell.", [0, 1, 2, 3], 0, {"empty": 1}),
        (None, [0, 1, 2, 3], 0, {"empty": 1}),
    ],
)
def test_known_answers(
    text: str | None, positions: list[int], from_model: int, repairs: dict[str, int]
) -> None:
    parsed = parse_scores(text, IDS, ORDER)
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
    parsed = parse_scores(json.dumps({"scores": scores}), IDS, ORDER)
    of_position = {ORDER[number - 1]: score for number, score in scores.items()}
    assert parsed.positions == sorted(
        range(4), key=lambda position: (-of_position[position], position)
    )
    assert parsed.scores == tuple(of_position[position] for position in range(4))


PIECES = [
    "1",
    "2",
    "55",
    "3000",
    "-7",
    "9.5",
    ",",
    "[",
    "]",
    "{",
    "}",
    '"',
    ":",
    "\n",
    "<think>",
    "</think>",
    "```",
    "scores",
    "/10",
    " ",
]


def check(text: str) -> None:
    parsed = parse_scores(text, IDS, ORDER)
    assert sorted(parsed.positions) == [0, 1, 2, 3]
    assert parsed.scores is not None
    assert sum(score is not None for score in parsed.scores) == parsed.from_model
    told = [parsed.scores[position] for position in parsed.positions[: parsed.from_model]]
    assert told == sorted(told, reverse=True)  # type: ignore[type-var]
    assert parsed.positions[parsed.from_model :] == sorted(parsed.positions[parsed.from_model :]), (
        "the recommender's order"
    )
    assert (parsed.from_model == 4) == (
        not parsed.repairs["missing"] and not parsed.repairs["empty"]
    )


@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join) | st.text(max_size=200))
def test_whatever_is_answered_a_permutation_comes_of_it(text: str) -> None:
    check(text)


def test_some_thousand_mutated_answers_are_permutations() -> None:
    draw = random.Random(1)
    seeds = [
        '{"scores": {"1": 2, "2": 9, "3": 0, "4": 5}}',
        "1: 2\n2: 9\n3: 0",
        "```json\n[2, 9, 0, 5]\n```",
    ]
    for _ in range(3000):
        text = list(draw.choice(seeds))
        for _ in range(draw.randrange(1, 8)):
            place = draw.randrange(len(text) + 1)
            text[place : place + draw.randrange(3)] = draw.choice(PIECES)
        check("".join(text))


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
