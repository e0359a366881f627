"""What three small models really wrote about lists of the synthetic sample, and how it is read.

SmolLM2-135M-Instruct and Qwen2.5-Coder-0.5B-Instruct answered six prompts about 36 users each;
Gemma 3 270M, a base model without a chat template, did the same. More than a hundred of
the readings were compared with the texts by eye; the others stand as they were read then.
"""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from commandline import ROOT
from microrank.llm.reading.answer import Parsed, read_answer

DATA = json.loads(gzip.decompress((Path(__file__).parent / "real_answers.json.gz").read_bytes()))
ANSWERS, USERS = DATA["answers"], DATA["users"]
PROMPTS = ("study", "numbered", "recency", "example", "ranked", "scores")
FORMATS = {
    name: yaml.safe_load((ROOT / f"resources/prompts/{name}.yaml").read_text())["answer_format"]
    for name in PROMPTS
}
AS_SHOWN = list(range(1, 21))

Answer = dict[str, Any]


def parsed(answer: Answer) -> Parsed:
    user = USERS[answer["user"]]
    format_ = FORMATS[answer["prompt"]]
    return read_answer(answer["text"], format_, user["ids"], list(range(20)), user["titles"])


def numbers(reading: Parsed) -> list[int]:
    """The candidates' numbers that were read, best first."""
    return [position + 1 for position in reading.positions[: reading.from_model]]


def of(model: str, *prompts: str) -> list[Answer]:
    return [
        answer for answer in ANSWERS if answer["model"] == model and answer["prompt"] in prompts
    ]


def test_every_answer_ends_as_a_permutation() -> None:
    assert Counter(answer["model"] for answer in ANSWERS) == {
        "smollm2": 216,
        "qwen": 216,
        "gemma": 216,
    }
    for answer in ANSWERS:
        assert sorted(parsed(answer).positions) == list(range(20))


@pytest.mark.parametrize("model", ["smollm2", "qwen", "gemma"])
def test_answers_are_read_as_they_were_when_they_were_looked_at(model: str) -> None:
    readings = [numbers(parsed(answer)) for answer in of(model, *PROMPTS)]
    assert readings == [answer["read"] for answer in of(model, *PROMPTS)]


def test_scores_are_read_of_the_candidates_that_the_answer_names() -> None:
    scored = [answer for answer in ANSWERS if answer.get("scores")]
    assert len(scored) >= 36
    for answer in scored:
        assert list(parsed(answer).scores or ()) == answer["scores"]


def test_qwen_mostly_answers_the_order_that_it_was_shown() -> None:
    orders = [numbers(parsed(answer)) for answer in of("qwen", *PROMPTS[1:5])]
    assert sum(order == AS_SHOWN for order in orders) == 118
    assert len(orders) == 144


def test_ids_that_qwen_repeats_or_makes_up_name_nobody_twice() -> None:
    for answer in of("qwen", "study"):
        order = numbers(parsed(answer))
        assert len(set(order)) == len(order)


def test_a_model_that_repeats_its_prompt_names_nobody() -> None:
    told = [
        a for a in of("smollm2", "ranked") if a["text"].endswith("will this viewer watch next?")
    ]
    assert len(told) >= 5
    assert [numbers(parsed(answer)) for answer in told] == [[]] * len(told)
