"""Log-probabilities from services: right orders that are planted in a server's answers."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_lists import catalogue, order_of, subset
from microrank.bundle import answer_keys
from microrank.errors import StudyError
from microrank.llm.planned_requests import planned_questions
from microrank.llm.prompts import load_prompt
from microrank.llm.query_logprobs import query_logprobs
from microrank.llm.service_asks import SERVICE_ASKS
from microrank.local_llm.asks import ask_of
from microrank.rerank.llm import rerank_llm
from microrank.run_preflight import made_up_question
from microrank.services.budget import Budget
from microrank.services.chat_settings import ChatSettings
from microrank.services.check_chat import check_chat
from microrank.services.forecast import forecast
from microrank.services.settings import Service
from microrank.services.store import Entry, Store
from microrank.services.store_admin import verify
from services.scripted import as_json, serving

ROOT = Path(__file__).parents[2]
WORTH = {"tea": -1.0, "pies": -2.0, "cats": -3.0, "dogs": -4.0, "news": -5.0, "cars": -6.0}
TITLES = dict(enumerate(WORTH, start=1))
USERS = subset([[1], [2, 3]], [[6, 2, 4, 3], [5, 1, 6, 4]])
RIGHT = {10: [2, 3, 4, 6], 20: [1, 4, 5, 6]}
ITEMS = catalogue(TITLES)
WAYS = {
    "first-token": {"passes": 2, "shuffle": True},
    "yes-no": {},
    "likelihood": {},
}


def prompt(name: str):
    return load_prompt(ROOT / f"resources/prompts/{name}.yaml")


def likeliest(logprobs: dict[str, float]) -> dict:
    """A chat answer in OpenAI's shape of one token."""
    top = [{"token": token, "logprob": value, "bytes": None} for token, value in logprobs.items()]
    first = max(top, key=lambda token: token["logprob"], default={"token": "", "logprob": 0})
    return {
        "model": "planted",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": first["token"]},
                "finish_reason": "length",
                "logprobs": {"content": [{**first, "top_logprobs": top}], "refusal": None},
            }
        ],
        "usage": {"prompt_tokens": 100, "completion_tokens": 1},
    }


def planted(request, body: dict):
    """A model that likes titles by WORTH, as chat answers and as vLLM's prompt_logprobs say it."""
    if request.path.endswith("/completions") and "prompt" in body:
        return as_json(prompt_answer(body["prompt"]))
    assert body["logprobs"] is True
    assert (body["top_logprobs"], body["max_tokens"]) == (20, 1)
    text = body["messages"][-1]["content"]
    listed = dict(re.findall(r"^([A-Z])\. (\w+)$", text, re.MULTILINE))
    if listed:
        return as_json(likeliest({f" {label}": WORTH[title] for label, title in listed.items()}))
    yes = WORTH[re.search(r"Video: (\w+)", text).group(1)]
    return as_json(likeliest({"Yes": yes, "No": math.log(1 - math.exp(yes)), "Maybe": -9.0}))


def prompt_answer(text: str) -> dict:
    """Each word is a token, and a title has its worth; the prompt's first token has none."""
    words = re.findall(r"\s*\S+|\s+$", text)
    places = [
        {str(sum(map(ord, word)) * 7 + len(word)): {"logprob": WORTH.get(word.strip(), -0.5)}}
        for word in words
    ]
    choice = {"index": 0, "text": "x", "finish_reason": "length", "prompt_logprobs": [None]}
    choice["prompt_logprobs"] += places[1:]
    usage = {"prompt_tokens": len(words), "completion_tokens": 1}
    return {"model": "planted", "choices": [choice], "usage": usage}


@pytest.fixture(scope="module")
def one_server():
    with serving(planted) as scripted:
        yield scripted


@pytest.fixture
def server(one_server):
    one_server.renew()
    one_server.answer = planted
    return one_server


def service_of(server) -> Service:
    return Service("llms.planted", server.base_url, first_wait_s=0.01, max_tries=3)


def queried(server, store: Store, name: str, reranker: dict, budget=None) -> pa.Table:
    return query_logprobs(
        USERS,
        ITEMS,
        ask_of("mine", {"prompt": name, "ask": name, **reranker}, prompt(name), None),
        ChatSettings("planted", server.base_url),
        store,
        service=service_of(server),
        seed=3,
        passes=reranker.get("passes", 1),
        shuffle=reranker.get("shuffle", False),
        budget=budget,
    )


@pytest.mark.parametrize(("name", "reranker"), WAYS.items())
def test_the_planted_order_comes_out_and_is_replayed_from_the_store(
    server, tmp_path, name, reranker
) -> None:
    table = queried(server, Store(tmp_path), name, reranker)
    ranked = rerank_llm(USERS, table, prompt(name).answer_format).rankings
    assert {user: order_of(ranked, user) for user in RIGHT} == RIGHT
    assert set(table["kind"].to_pylist()) == {"logprobs"}
    n_asked = len(server.bodies)
    again = queried(server, Store(tmp_path, offline=True), name, reranker)
    assert again.equals(table)
    assert len(server.bodies) == n_asked
    assert set(answer_keys(table)) == {path.stem for path in Store(tmp_path).paths()}
    assert verify(Store(tmp_path)) == {}


def test_less_the_prior_a_title_that_is_likely_anyhow_falls_behind(server, tmp_path) -> None:
    table = queried(server, Store(tmp_path), "likelihood", {"prior": True})
    scores = np.array(table["scores"].to_pylist())
    np.testing.assert_allclose(scores, 0, atol=1e-12)  # the server gives no thought to histories


def test_a_titles_score_is_the_mean_over_the_tokens_that_it_adds(server, tmp_path) -> None:
    table = queried(server, Store(tmp_path), "likelihood", {"per": "token"})
    sums = queried(server, Store(tmp_path), "likelihood", {"per": "title"})
    worth = [WORTH[TITLES[item]] for item in USERS["candidates"].to_pylist()[0]]
    per_title = np.array(sums["scores"].to_pylist()[0])
    n_tokens = per_title / np.array(table["scores"].to_pylist()[0])
    np.testing.assert_allclose(per_title, np.array(worth) + (n_tokens - 1) * -0.5)
    assert len(set(n_tokens.round(9))) == 1


@pytest.mark.parametrize("name", ["first-token", "yes-no"])
def test_labels_that_are_missing_tie_last_and_only_where_none_appears_nothing_is_read(
    server, tmp_path, name
) -> None:
    def rarely(request, body):
        text = body["messages"][-1]["content"]
        if "A. cars" in text or "Video: cars" in text:
            return as_json(likeliest({"A": -1.0, "C": -0.5, "Yes": -1.0, "The": -4.0}))
        return as_json(likeliest({"Sorry": -0.1, "I": -2.0}))

    server.answer = rarely
    first, second = queried(server, Store(tmp_path), name, {})["scores"].to_pylist()
    if name == "first-token":
        assert first == [-1.0, -2.0, -0.5, -2.0]
        assert second == [None] * 4
    else:
        assert first == [pytest.approx(-1.0 - -5.0), None, None, None]
        assert second == [None, None, pytest.approx(4.0), None]


@pytest.mark.parametrize("name", ["first-token", "likelihood"])
def test_a_server_without_log_probabilities_is_named_with_a_way_out(server, tmp_path, name) -> None:
    from services.scripted import completion

    server.answer = lambda request, body: as_json(completion("A"))
    with pytest.raises(StudyError, match=r"`ask: order`.* needs? none|ask: order.*needs none"):
        queried(server, Store(tmp_path), name, {})
    assert list(Store(tmp_path).paths()) == []


def test_one_title_is_asked_about_without_a_history_once_for_all_users(server, tmp_path) -> None:
    queried(server, Store(tmp_path), "likelihood", {"prior": True})
    titles = {TITLES[item] for row in USERS["candidates"].to_pylist() for item in row}
    assert len(server.bodies) == 2 * (1 + 4) + 1 + len(titles)


@pytest.mark.parametrize(("name", "reranker"), WAYS.items())
def test_the_forecast_counts_what_is_then_asked(server, tmp_path, name, reranker) -> None:
    section = {"adapter": "openai-chat", "model": "planted", "base_url": server.base_url}
    config = {
        "seed": 3,
        "llms": {"planted": section},
        "rerankers": {"mine": {"llm": "planted", "prompt": name, "ask": name, **reranker}},
    }
    [plan] = planned_questions(config, ["mine"], USERS, ITEMS, prompt)
    assert forecast(plan, Store(tmp_path), set()).missing == len(plan.requests) > 0
    queried(server, Store(tmp_path), name, reranker)
    assert len(server.bodies) == len(plan.requests)
    outlook = forecast(plan, Store(tmp_path), set())
    assert (outlook.missing, outlook.kept) == (0, len(plan.requests))


def test_a_budget_stops_questions_for_log_probabilities_as_all_others(server, tmp_path) -> None:
    budget = {"requests": 3, "tokens": None, "usd": None}
    with pytest.raises(StudyError, match="budget"):
        queried(server, Store(tmp_path), "yes-no", {}, budget)
    assert len(server.bodies) == 3


@pytest.mark.parametrize("name", WAYS)
def test_preflight_says_whether_log_probabilities_are_given(tmp_path, name) -> None:
    def answer(request, body):
        if "prompt" in body:
            return as_json(prompt_answer(body["prompt"]))
        return as_json(likeliest({"A": -1.0, "Yes": -0.5}))

    with serving(answer) as scripted:
        settings = ChatSettings("planted", scripted.base_url)
        request = made_up_question(settings, prompt(name), n_candidates=5, history_length=4)
        budget = Budget.from_config(
            {"requests": None, "tokens": None, "usd": None}, Store(tmp_path)
        )
        findings = check_chat(service_of(scripted), request, budget)
    assert ("log-probabilities", "given") in [(found.check, found.result) for found in findings]


def test_a_token_that_joins_the_prefix_and_the_title_counts_as_the_titles() -> None:
    def answered(*tokens):
        places = [None, *({str(token): {"logprob": value}} for token, value in tokens)]
        body = {"choices": [{"prompt_logprobs": places, "text": ""}]}
        return Entry({"body": {}}, json.dumps(body))

    before = answered((5, -1.0), (6, -2.0))
    joined = answered((5, -1.0), (9, -4.0), (8, -8.0))
    plain = answered((5, -1.0), (6, -2.0), (8, -16.0))
    found = SERVICE_ASKS["likelihood"].answer({}, [before, joined, plain])
    assert found == {"log_probabilities": [-12.0, -16.0], "n_tokens": [2, 1]}


VALUES = st.one_of(st.floats(-50, 0), st.sampled_from([-9999.0, None, "x", math.inf, True]))
TOKENS = st.sampled_from(["A", " A", "b", "Yes", " no", "NO", "", "\n", "the", "Ġ"])


@given(st.lists(st.tuples(TOKENS, VALUES), max_size=20), st.integers(1, 12), st.data())
def test_any_list_of_tokens_gives_a_permutation_or_is_no_answer(tokens, n, data) -> None:
    from microrank.local_llm.first_token import first_token_scores
    from microrank.rerank.llm import read_scores
    from microrank.services.failures import Malformed

    top = [{"token": token, "logprob": value} for token, value in tokens]
    choice = {"message": {"content": ""}, "logprobs": {"content": [{"top_logprobs": top}]}}
    entry = Entry({"body": {}}, json.dumps({"choices": [choice]}))
    try:
        labels = SERVICE_ASKS["first-token"].answer({"n_labels": n}, [entry])["labels"]
        answer = SERVICE_ASKS["yes-no"].answer({}, [entry])
    except Malformed:
        assert not any(
            isinstance(value, float) and -9999 < value <= 0 for value in dict(tokens).values()
        )
        return
    order = data.draw(st.permutations(range(n)))
    assert sorted(read_scores(first_token_scores(labels, order)).positions) == list(range(n))
    [yes], [no] = answer["yes"], answer["no"]
    assert (yes is None) == (no is None)
