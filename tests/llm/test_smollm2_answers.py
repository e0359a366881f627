"""What SmolLM2-135M really wrote about lists of the synthetic sample, and how it is read."""

import gzip
import json
from pathlib import Path

import pytest
from microrank.llm.reading.answer import Parsed, read_answer

DATA = gzip.decompress((Path(__file__).parent / "smollm2_answers.json.gz").read_bytes())
ANSWERS = json.loads(DATA)


def parsed(answer: dict) -> Parsed:
    ids, order = list(range(1000, 1020)), list(range(20))
    return read_answer(answer["text"], "numbers", ids, order, answer["titles"])


def named(answer: dict) -> list[int]:
    """The candidates' numbers that are read."""
    found = parsed(answer)
    return [position + 1 for position in found.positions[: found.from_model]]


def test_every_answer_ends_as_a_permutation() -> None:
    assert len(ANSWERS) == 21
    for answer in ANSWERS:
        assert sorted(parsed(answer).positions) == list(range(20))


def test_none_of_these_answers_is_an_order_and_none_is_taken_for_one() -> None:
    assert max(len(named(answer)) for answer in ANSWERS) <= 1
    assert sum(not named(answer) for answer in ANSWERS) == 21


@pytest.mark.parametrize("end", ["36\n18.", "\n[8]", "record\n11."])
def test_the_number_of_a_line_that_was_cut_off_names_nobody(end: str) -> None:
    [answer] = [answer for answer in ANSWERS if answer["text"].endswith(end)]
    assert named(answer) == []
