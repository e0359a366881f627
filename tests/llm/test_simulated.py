"""The simulated server: real HTTP, answers by word overlap, faults that repeat."""

import json
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
import requests
from commandline import ROOT
from microrank.llm.prompts import READ_FORMATS, build_messages, load_prompt
from microrank.llm.reading.answer import read_answer
from microrank.llm.simulated import FAULTS, SERVED_MODEL, simulated_answer, simulated_server

HISTORY = ["a cat on the roof", "my cat and a fish"]
TITLES = ["stock market news", "how to cook rice", "cat meets fish", "the roof"]
IDS = [900, 800, 700, 600]
PROMPTS = [  # the server writes answers; it has no log-probabilities
    path
    for path in sorted((ROOT / "resources/prompts").glob("*.yaml"))
    if load_prompt(path).answer_format not in READ_FORMATS
]


load_prompt = cache(load_prompt)


def question(path: Path, number: int = 0) -> list[dict[str, str]]:
    return build_messages(
        load_prompt(path), [*HISTORY, f"number {number}"], TITLES, IDS, [3, 2, 1, 0]
    )


@pytest.mark.parametrize("path", PROMPTS, ids=lambda path: path.stem)
def test_candidates_that_share_words_with_the_history_come_first(path: Path) -> None:
    texts = [simulated_answer(question(path, number), 1) for number in range(40)]
    text = next(text for text, fault in texts if not fault)
    parsed = read_answer(text, load_prompt(path).answer_format, IDS, [3, 2, 1, 0])
    assert parsed.positions[0] == 2
    assert parsed.from_model == 4


def test_an_answer_does_not_depend_on_the_order_that_a_process_gives_to_sets() -> None:
    history = [" ".join(f"w{age}x{place}" for place in range(20)) for age in range(10)]
    titles = [
        " ".join(f"w{age}x{place}" for age in range(10)) for place in range(20)
    ]  # one word of each age: all tie
    messages = build_messages(
        load_prompt(PROMPTS[0]), history, titles, list(range(20)), list(range(20))
    )
    program = (
        "import json, sys; from microrank.llm.simulated import simulated_answer; "
        "print(simulated_answer(json.load(sys.stdin), 1))"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", program],
            input=json.dumps(messages),
            env={"PYTHONPATH": str(ROOT / "workflow/scripts"), "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in range(8)
    }
    assert len(answers) == 1


def test_faults_come_about_as_often_as_they_are_set_and_repeat() -> None:
    faults = Counter(simulated_answer(question(PROMPTS[0], number), 5)[1] for number in range(2000))
    for fault, share in FAULTS.items():
        assert 0.4 * share < faults[fault] / 2000 < 2 * share, fault
    assert faults == Counter(
        simulated_answer(question(PROMPTS[0], number), 5)[1] for number in range(2000)
    )


def test_it_speaks_http_turns_some_away_once_and_says_that_it_is_simulated() -> None:
    number = next(
        number
        for number in range(1000)
        if simulated_answer(question(PROMPTS[0], number), 5)[1] == "busy"
    )
    with simulated_server(5) as base_url:
        replies = [
            requests.post(
                f"{base_url}/chat/completions",
                json={"messages": question(PROMPTS[0], number)},
                timeout=10,
            )
            for _ in range(2)
        ]
        refused = requests.post(f"{base_url}/chat/completions", data=b"{", timeout=10)
        models = requests.get(f"{base_url}/models", timeout=10)
    assert [reply.status_code for reply in replies] == [429, 200]
    assert replies[0].headers["Retry-After"] == "0"
    assert replies[1].json()["model"] == SERVED_MODEL
    assert "simulated" in SERVED_MODEL
    assert refused.status_code == 400
    assert models.json()["data"][0]["id"] == SERVED_MODEL
