"""The parser: known answers, every kind of repair counted, and always a permutation."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llm.any_answers import IDS, ORDER, PIECES, mutations, read_permutation
from microrank.llm.reading.answer import read_answer


@pytest.mark.parametrize(
    ("answer", "text", "positions", "from_model", "repairs"),
    [
        ("numbers", '{"ranking": [2, 1, 4, 3]}', [0, 2, 1, 3], 4, {}),
        ("numbers", "[2, 1, 4, 3]", [0, 2, 1, 3], 4, {}),
        ("numbers", "2, 1, 4, 3", [0, 2, 1, 3], 4, {}),
        ("ids", "7,55,101,3000", [1, 2, 0, 3], 4, {}),
        ("ids", "[7, 55, 101, 3000]", [1, 2, 0, 3], 4, {}),
        ("ids", "7\n55\n101\n3000\n", [1, 2, 0, 3], 4, {}),
        (
            "ids",
            "1. 7: a title\n2. 55\n3. 101 (2024)\n4. 3000",
            [1, 2, 0, 3],
            4,
            {"list_numbers": 1},
        ),
        ("numbers", '```json\n{"ranking": [4, 3, 2, 1]}\n```', [1, 3, 0, 2], 4, {"fence": 1}),
        ("numbers", "<think>maybe 1, 2</think>[4, 3, 2, 1]", [1, 3, 0, 2], 4, {"thinking": 1}),
        ("numbers", "<think>1 then 2 then", [0, 1, 2, 3], 0, {"thinking": 1, "empty": 1}),
        ("numbers", 'Sure!\n{"ranking": [4, 3, 2, 1]} Enjoy.', [1, 3, 0, 2], 4, {"prose": 1}),
        ("numbers", '{"ranking": ["4", "[3]", 2.0, 1]}', [1, 3, 0, 2], 4, {}),
        (
            "numbers",
            '{"ranking": [{"id": 4}, {"id": 3}, {"id": 2}, {"id": 1}]}',
            [1, 3, 0, 2],
            4,
            {},
        ),
        ("numbers", '{"why": [1], "ranking": [4, 3, 2, 1]}', [1, 3, 0, 2], 4, {}),
        ("ids", "7, 99, 7", [1, 0, 2, 3], 1, {"foreign": 1, "duplicate": 1, "missing": 3}),
        ("numbers", '{"ranking": [4, 3, 1', [1, 3, 0, 2], 2, {"cut": 1, "missing": 2}),
        ("numbers", "[2] one title\n[1] another", [0, 2, 1, 3], 2, {"missing": 2}),
        ("ids", "2, 1, 4, 3", [0, 2, 1, 3], 4, {"numbers_for_ids": 1}),
        ("numbers", "7, 55, 101, 3000", [1, 2, 0, 3], 4, {"ids_for_numbers": 1}),
        (
            "numbers",
            "Here are the 4 candidates in order: 3, 1, 2",
            [3, 2, 0, 1],
            3,
            {"missing": 1},
        ),
        ("numbers", "My 4 picks:\n3\n1\n2", [3, 2, 0, 1], 3, {"prose": 1, "missing": 1}),
        (
            "numbers",
            'Candidates [1, 2] fit best.\n{"ranking": [4, 3, 2, 1]}',
            [1, 3, 0, 2],
            4,
            {"prose": 1},
        ),
        ("numbers", "Of [1, 2] and others: [4, 3, 2, 1]", [1, 3, 0, 2], 4, {"prose": 1}),
        ("numbers", "[4] Title 3\n[3] Other 1\n[2] x", [1, 3, 0, 2], 3, {"missing": 1}),
        ("numbers", "4. Title 3\n3. Other\n2. x\n1. y 2", [0, 1, 2, 3], 0, {"empty": 1}),
        ("ids", "7: part 55\n55: x\n101: y\n3000: z", [1, 2, 0, 3], 4, {}),
        ("ids", "", [0, 1, 2, 3], 0, {"empty": 1}),
        ("ids", None, [0, 1, 2, 3], 0, {"empty": 1}),
        ("ids", "I cannot help with that.", [0, 1, 2, 3], 0, {"empty": 1}),
        ("numbers", "-1, 99999999999999999999999, 1e5, 2", [0, 1, 2, 3], 0, None),
    ],
)
def test_known_answers(
    answer: str,
    text: str | None,
    positions: list[int],
    from_model: int,
    repairs: dict[str, int] | None,
) -> None:
    parsed = read_answer(text, answer, IDS, ORDER)
    assert parsed.positions == positions
    assert parsed.from_model == from_model
    if repairs is not None:
        assert dict(parsed.repairs) == repairs


@pytest.mark.parametrize(
    "number",
    [
        "18446744073709551616",
        "-9223372036854775809",
        "9" * 400,
        "9" * 5000,
        "1e999",
        "-1e999",
        "NaN",
        "1e300",
    ],
)
@pytest.mark.parametrize(
    "text",
    [
        '{{"ranking": [{}, 2]}}',
        "[{}, 2]",
        '[{{"id": {}}}, {{"id": 2}}]',
        '{{"ranking": ["{}", "2"]}}',
    ],
)
def test_a_number_of_any_size_is_no_candidates_and_harms_nothing(number: str, text: str) -> None:
    parsed = read_answer(text.format(number), "numbers", IDS, ORDER)
    assert parsed.positions[0] == 0
    assert parsed.from_model == 1


RANKING_PIECES = [
    *PIECES,
    *("ranking", ".", ")", "é", "٣", "1e999", "NaN", '{"id": ', "[[", "]]"),
    "18446744073709551616",  # 2**64, the first that numpy has no integer for
    "9" * 400,  # no float
]
NUMBERS = (
    st.integers(-(2**70), 2**70)
    | st.integers(1, 4)
    | st.sampled_from([10**19, 10**399])
    | st.floats()
)
JSON = st.recursive(
    NUMBERS | st.none() | st.booleans() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.sampled_from(["ranking", "id", "number", "x"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(
    st.lists(st.sampled_from(RANKING_PIECES), max_size=60).map("".join)
    | st.text(max_size=200)
    | JSON.map(json.dumps),
    st.sampled_from(["ids", "numbers"]),
)
def test_whatever_is_answered_a_permutation_comes_of_it(text: str, answer: str) -> None:
    read_permutation(text, answer)


@pytest.mark.soak
def test_a_hundred_thousand_mutated_answers_are_permutations() -> None:
    mutate(100_000)


def test_some_thousand_mutated_answers_are_permutations() -> None:
    mutate(3_000)


def mutate(times: int) -> None:
    answers = [
        '{"ranking": [2, 1, 4, 3]}',
        '{"ranking": [{"id": 2}, {"id": 18446744073709551616}]}',
        "7, 55, 101, 3000",
        "1. 7\n2. 55\n3. 101",
        "<think>x</think>```json\n[1, 2, 3, 4]\n```",
    ]
    draw = random.Random(2)
    for text in mutations(answers, RANKING_PIECES, times):
        read_permutation(text, draw.choice(["ids", "numbers"]))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 150_000,
        "<think>" * 30_000,
        "1." * 90_000,
        "{" * 5_000 + "}" * 5_000,
        "```" * 50_000,
        "9" * 200_000,
    ],
)
def test_hostile_text_is_read_in_bounded_time(text: str) -> None:
    read_permutation(text, "ids")
