"""Titles completed from their first half: a model that has memorised them, and one that has not."""

import json
import math
import random
from pathlib import Path

import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from local_llm import tiny_models
from made_up_lists import catalogue, subset
from microrank.errors import StudyError
from microrank.local_llm.session import Session
from microrank.memory.newer import is_newer, newer_items, newer_rows
from microrank.memory.planned_requests import planned_memory
from microrank.memory.probe import ask_locally, ask_service, memory_of
from microrank.memory.questions import is_completed, is_likeliest, likelihood_body, written_messages
from microrank.memory.result import Completed, Memory
from microrank.memory.titles import CHOICES, HalfTitle, half_titles
from microrank.services.chat_settings import ChatSettings
from microrank.services.forecast import forecast
from microrank.services.settings import Service
from microrank.services.store import Store
from services.scripted import as_json, completion, serving

WORDS = tiny_models.WORDS[9:]
MIXED = random.Random(5)
TITLES = {number: " ".join(MIXED.sample(WORDS, 6)) for number in range(1, 13)}
USERS = subset([[1], [2]], [[1, 2, 3, 4, 5, 6], [7, 8, 9, 10, 11, 12]])
ITEMS = catalogue(TITLES)
ALL = len(TITLES)


def drawn(n: int = ALL, seed: int = 3) -> list[HalfTitle]:
    return half_titles(USERS, ITEMS, n, seed)


def test_titles_are_halved_and_each_has_the_endings_of_others() -> None:
    halves = drawn()
    assert [half.item_id for half in halves] == list(TITLES)
    for half in halves:
        assert f"{half.start} {half.ending}" == TITLES[half.item_id]
        assert len(half.others) == len(set(half.others)) == CHOICES - 1
        assert half.ending not in half.others
    assert drawn(5) == drawn(5) != drawn(5, seed=4)


def test_short_titles_and_repeated_ones_are_asked_about_never_and_once() -> None:
    titles = {1: "a b c d e f", 2: "a b c d e f", 3: "too short", 4: "", 5: "g h i j k l m"}
    halves = half_titles(subset([[1]], [[1, 2, 3, 4, 5]]), catalogue(titles), 9, 3)
    assert [(half.start, half.ending) for half in halves] == [
        ("a b c", "d e f"),
        ("g h i j", "k l m"),
    ]
    assert [half.others for half in halves] == [("k l m",), ("d e f",)]
    alone = half_titles(subset([[1]], [[1, 3]]), catalogue(titles), 9, 3)
    assert [half.others for half in alone] == [()]


@pytest.mark.parametrize(
    ("answer", "completed"),
    [
        *(("kiss the cook", True), ("Kiss  the Cook!", True), ("… kiss, the cook and more", True)),
        *(("How to never kiss the cook", True), ("How to never", False), ("", False)),
        *(("kiss the", False), ("the cook", False), ("I think: kiss the cook", False)),
    ],
)
def test_only_the_rest_word_for_word_completes_a_title(answer, completed) -> None:
    assert is_completed(HalfTitle(1, "How to never", "kiss the cook"), answer) is completed


def test_the_own_ending_is_likeliest_only_where_every_other_one_is_less_likely() -> None:
    assert is_likeliest({"log_probabilities": [-4.0, -3.0], "n_tokens": [4, 2]})
    assert not is_likeliest({"log_probabilities": [-4.0, -2.0], "n_tokens": [4, 2]})
    assert not is_likeliest({"log_probabilities": [-4.0, -3.0, -1.0], "n_tokens": [4, 2, 2]})
    assert is_likeliest({"log_probabilities": [-4.0], "n_tokens": [4]})


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    """A Llama that was trained on these titles alone until it knows them, and the same before."""
    torch.set_num_threads(1)  # of so small a model, more only wait for each other
    encode, paths = tiny_models.word_tokenizer(), {}
    model = tiny_models.random_llama()
    texts = []
    for half in drawn():
        chat = encode.apply_chat_template(
            written_messages(half, "items"), tokenize=False, add_generation_prompt=True
        )
        texts += [f"{chat} {half.ending} <end>", f"Title: {half.start} {half.ending} \n"]
    batch = encode(texts, return_tensors="pt", padding=True, padding_side="right")
    for name, steps in (("blank", 0), ("memory", 120)):
        optimiser = torch.optim.Adam(model.parameters(), lr=5e-3)
        labels = batch.input_ids.masked_fill(batch.attention_mask == 0, -100)
        for _ in range(steps):
            optimiser.zero_grad()
            model(**batch, labels=labels).loss.backward()
            optimiser.step()
        paths[name] = tmp_path_factory.mktemp("models") / name
        model.save_pretrained(paths[name])
        encode.save_pretrained(paths[name])
    return paths


def local(store: Store, folder: Path) -> Session:
    section = {"adapter": "local", "model": str(folder), "dtype": "float32", "device": "cpu"}
    return Session("llms.tiny", section, store)


def probed(folder: Path, store: Store) -> Memory:
    halves = drawn()
    return memory_of("tiny", halves, ask_locally(halves, local(store, folder), "items"))


def test_a_model_that_was_trained_on_the_titles_completes_them(folders, tmp_path) -> None:
    memory = probed(folders["memory"], Store(tmp_path))
    assert memory.everything.exact >= ALL - 1
    assert memory.everything.likeliest >= ALL - 1
    assert memory.chance == pytest.approx(1 / CHOICES)
    kept = {path.stem for path in Store(tmp_path).paths()}
    assert set(memory.keys) == kept
    assert probed(folders["memory"], Store(tmp_path, offline=True)) == memory


def test_a_model_that_was_not_does_not(folders, tmp_path) -> None:
    found = probed(folders["blank"], Store(tmp_path)).everything
    assert (found.titles, found.exact, found.chosen_from) == (ALL, 0, ALL)
    assert found.likeliest <= ALL / 2


def knowing(known: set[str]):
    """A service that knows these titles by heart."""

    def answer(request, body: dict):
        if "prompt" in body:
            return as_json(_logprobs(body["prompt"], known))
        start = body["messages"][-1]["content"].split("\n\n")[1]
        rest = [title for title in known if title.startswith(f"{start} ")]
        return as_json(completion(rest[0] if rest else "I do not know it."))

    return answer


def _logprobs(prompt: str, known: set[str]) -> dict:
    """vLLM's prompt_logprobs, a token a word: those of known titles are likelier."""
    text = " ".join(prompt.removeprefix("Title: ").split())
    value = -0.1 if text in known else -3.0
    places = [None, *({str(hash(word)): {"logprob": value}} for word in prompt.split()[1:])]
    choice = {"text": "", "finish_reason": "length", "prompt_logprobs": places}
    return {
        "model": "m",
        "choices": [choice],
        "usage": {"prompt_tokens": 9, "completion_tokens": 1},
    }


@pytest.mark.parametrize("gives_likelihoods", [False, True])
def test_of_a_service_the_titles_that_it_knows_are_counted(tmp_path, gives_likelihoods) -> None:
    halves, known = drawn(), {TITLES[1], TITLES[5], TITLES[12]}
    with serving(knowing(known)) as server:
        settings = ChatSettings("m", server.base_url)

        def asked(store: Store):
            service = Service("llms.m", server.base_url, first_wait_s=0.01, max_tries=2)
            how = {"items": "items", "gives_likelihoods": gives_likelihoods}
            return ask_service(halves, settings, store, service=service, **how)

        answers = asked(Store(tmp_path))
        n_asked = len(server.bodies)
        assert asked(Store(tmp_path, offline=True)) == answers
        assert len(server.bodies) == n_asked
    memory = memory_of("m", halves, answers, until="2024-01-01", newer={5, 6, 7})
    everything = memory.everything
    assert (everything.titles, everything.exact) == (ALL, 3)
    assert everything.chosen_from == (ALL if gives_likelihoods else 0)
    assert memory.newer.titles == 3
    assert memory.newer.exact == 1
    if gives_likelihoods:
        assert everything.likeliest == 3
    assert Memory.from_json(json.loads(json.dumps(memory.to_json()))) == memory
    assert set(memory.keys) == {path.stem for path in Store(tmp_path).paths()}


def test_the_forecast_counts_what_is_then_asked(folders, tmp_path) -> None:
    config = {
        "seed": 3,
        "dataset": "data",
        "datasets": {"data": {}},
        "memory": {"titles": 5},
        "store": {"path": str(tmp_path)},
        "llms": {"tiny": {"adapter": "local", "model": str(folders["blank"]), "dtype": "float32"}},
        "rerankers": {"mine": {"llm": "tiny", "prompt": "likelihood", "ask": "likelihood"}},
        "methods": ["mine"],
    }
    [plan] = planned_memory(config, USERS, ITEMS, "items")
    assert (plan.method, plan.is_free) == ("memory of tiny", True)
    assert forecast(plan, Store(tmp_path), set()).missing == 10
    ask_locally(drawn(5), local(Store(tmp_path), folders["blank"]), "items")
    [plan] = planned_memory(config, USERS, ITEMS, "items")
    assert forecast(plan, Store(tmp_path), set()).missing == 0
    assert planned_memory(config | {"memory": {"titles": 0}}, USERS, ITEMS, "items") == []


@pytest.mark.parametrize(
    ("date", "newer"),
    [
        *(("2024-07-01", True), ("2024-06-30", False), ("2024-06-29", False), ("2025", True)),
        *(("2024-07", True), ("2024-06", None), ("2024", None), ("2023", False), ("", None)),
        *(("2024-07-01T10:00:00", True), ("soon", None), ("20240701", None)),
    ],
)
def test_a_date_is_newer_older_or_not_known(date, newer) -> None:
    assert is_newer(date, "2024-06-30") is newer


def dated(dates: list[str]) -> pa.Table:
    return ITEMS.append_column("released", pa.array(dates))


def test_items_without_a_known_date_are_not_newer_and_nothing_is_guessed() -> None:
    table = dated(["2025-01-01", "", "2024", "2024-07"] + ["2001"] * 8)
    assert newer_items(table, "released", "2024-06-30") == {1, 4}
    assert newer_items(table, None, "2024-06-30") is None
    assert newer_items(table, "released", None) is None
    with pytest.raises(StudyError, match=r"no attribute 'year'.*under `attributes`"):
        newer_items(table, "year", "2024-06-30")


def test_hits_are_counted_of_users_whose_held_out_item_is_newer() -> None:
    users = subset([[9]] * 3, [[1, 2, 3], [2, 3, 1], [1, 3, 2]])
    reversed_lists = [
        {"user_id": user, "rank": rank, "item_id": item, "source": "model", "score": None}
        for user, items in zip((10, 20, 30), users["candidates"].to_pylist(), strict=True)
        for rank, item in enumerate(reversed(items), start=1)
    ]
    rankings = {"mine": pa.Table.from_pylist(reversed_lists)}
    [row] = newer_rows(users, rankings, {"mine": {3, 1}}, {"mine": "2024-01-01"}, 1)
    assert (row.users, row.hits, row.recommenders_hits) == (2, 2, 0)
    assert row.p_value == pytest.approx(0.5)
    [row] = newer_rows(users, rankings, {"mine": set()}, {"mine": "2024-01-01"}, 1)
    assert (row.users, row.hits, row.p_value) == (0, 0, 1.0)


@given(st.lists(st.text(max_size=12), max_size=8), st.integers(0, 9))
def test_any_titles_give_halves_that_make_the_title_again(titles, n) -> None:
    named = dict(enumerate(titles, start=1)) or {1: ""}
    users = subset([[1]], [list(named)])
    halves = half_titles(users, catalogue(named), n, 1)
    assert len(halves) <= n
    for half in halves:
        assert half.start
        assert half.ending
        body = likelihood_body(half)
        assert body["endings"][0] == f" {half.ending}\n"
        assert math.isfinite(memory_chance(half))


def memory_chance(half: HalfTitle) -> float:
    return 1 / (1 + len(half.others))


def test_completed_counts_start_at_nothing() -> None:
    assert Completed() == Completed(0, 0, 0, 0)
