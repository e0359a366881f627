"""Cross-encoders behind services, over HTTP: right orders that are planted, and broken answers."""

import json
import math
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_lists import catalogue, order_of, subset
from microrank.bundle import answer_keys
from microrank.errors import StudyError
from microrank.llm.planned_requests import planned_questions
from microrank.llm.prompts import load_prompt
from microrank.llm.query_logprobs import query_logprobs
from microrank.local_llm.asks import ask_of
from microrank.rerank.llm import rerank_llm
from microrank.run_preflight import made_up_question
from microrank.services.budget import Budget
from microrank.services.chat_settings import ChatSettings
from microrank.services.check_chat import check_chat
from microrank.services.failures import Malformed
from microrank.services.forecast import forecast
from microrank.services.reranks import read_reranked, rerank_scores
from microrank.services.settings import Service
from microrank.services.store import Store
from microrank.services.store_admin import verify
from microrank.shards import Shard
from services.scripted import as_json, serving

PROMPT = load_prompt(Path(__file__).parents[2] / "resources/prompts/relevance.yaml")
WORTH = {"tea": 5.5, "pies": 4.0, "cats": 0.25, "dogs": -1.0, "news": -2.5, "cars": -6.0}
TITLES = dict(enumerate(WORTH, start=1))
USERS = subset([[1], [2, 3]], [[6, 2, 4, 3], [5, 1, 6, 4]])
RIGHT = {10: [2, 3, 4, 6], 20: [1, 4, 5, 6]}
ITEMS = catalogue(TITLES)
SETTINGS = {"adapter": "cohere-rerank", "model": "planted"}
WHOLE = Shard()


def cohere(request, body: dict):
    """Scores by WORTH, best first, as Cohere, vLLM and llama.cpp's server answer."""
    assert request.path == "/v1/rerank"
    assert body["top_n"] == len(body["documents"])
    rows = [
        {"index": index, "relevance_score": WORTH[text], "document": {"text": text}}
        for index, text in enumerate(body["documents"])
    ]
    rows.sort(key=lambda row: -row["relevance_score"])
    usage = {"prompt_tokens": 7 * len(rows), "total_tokens": 7 * len(rows)}
    return as_json({"id": "1", "model": "planted", "results": rows, "usage": usage})


def tei(request, body: dict):
    """The same as text-embeddings-inference answers."""
    assert (body["raw_scores"], body["truncate"]) == (True, True)
    rows = [{"index": index, "score": WORTH[text]} for index, text in enumerate(body["texts"])]
    return as_json(sorted(rows, key=lambda row: -row["score"]))


SHAPES = {"cohere-rerank": cohere, "tei-rerank": tei}


@pytest.fixture(scope="module")
def one_server():
    with serving(cohere) as scripted:
        yield scripted


@pytest.fixture
def server(one_server):
    one_server.renew()
    one_server.answer = cohere
    return one_server


def service_of(server) -> Service:
    return Service("llms.planted", server.base_url, first_wait_s=0.01, max_tries=3)


def queried(server, store: Store, adapter="cohere-rerank", budget=None, shard: Shard = WHOLE):
    return query_logprobs(
        USERS,
        ITEMS,
        ask_of("mine", {"prompt": "relevance", "ask": "relevance"}, PROMPT, None),
        ChatSettings("planted", server.base_url, adapter=adapter),
        store,
        service=service_of(server),
        seed=3,
        budget=budget,
        shard=shard,
    )


@pytest.mark.parametrize("adapter", SHAPES)
def test_the_planted_order_comes_out_and_is_replayed_from_the_store(
    server, tmp_path, adapter
) -> None:
    server.answer = SHAPES[adapter]
    table = queried(server, Store(tmp_path), adapter)
    ranked = rerank_llm(USERS, table, "relevance").rankings
    assert {user: order_of(ranked, user) for user in RIGHT} == RIGHT
    assert table["kind"].to_pylist() == ["scores", "scores"]
    assert table["prompt_tokens"].to_pylist() == [28 if adapter == "cohere-rerank" else None] * 2
    queries = {body["query"] for body in server.bodies}
    assert queries == {"tea", "cats\npies"}, "the newest title first"
    assert queried(server, Store(tmp_path, offline=True), adapter).equals(table)
    assert len(server.bodies) == len(USERS), "one request a user, and none again"
    assert set(answer_keys(table)) == {path.stem for path in Store(tmp_path).paths()}
    assert verify(Store(tmp_path)) == {}


def test_shards_one_after_the_other_ask_what_the_whole_asks(server, tmp_path) -> None:
    parts = [queried(server, Store(tmp_path), shard=Shard(index, 2)) for index in range(2)]
    whole = queried(server, Store(tmp_path))
    assert [row for part in parts for row in part.to_pylist()] == whole.to_pylist()
    assert len(server.bodies) == len(USERS)


def test_the_forecast_counts_what_is_then_asked_and_bounds_its_tokens(server, tmp_path) -> None:
    section = {**SETTINGS, "base_url": server.base_url, "price": {"input": 1.0, "output": 9.0}}
    mine = {"llm": "planted", "prompt": "relevance", "ask": "relevance"}
    config = {"seed": 3, "llms": {"planted": section}, "rerankers": {"mine": mine}}
    [plan] = planned_questions(config, ["mine"], USERS, ITEMS, lambda name: PROMPT)
    outlook = forecast(plan, Store(tmp_path), set())
    assert (outlook.missing, outlook.completion_tokens, outlook.is_unbounded) == (2, 0, False)
    assert outlook.prompt_tokens > 0
    queried(server, Store(tmp_path))
    assert forecast(plan, Store(tmp_path), set()).missing == 0


@pytest.mark.parametrize("budget", [{"requests": 1}, {"tokens": 100}])
def test_a_budget_stops_such_questions_before_it_is_crossed(server, tmp_path, budget) -> None:
    limits = {"requests": None, "tokens": None, "usd": None} | budget
    with pytest.raises(StudyError, match="budget"):
        queried(server, Store(tmp_path), budget=limits)
    assert len(server.bodies) < len(USERS)
    kept = len(list(Store(tmp_path).paths()))
    queried(server, Store(tmp_path))
    assert len(server.bodies) <= kept + len(USERS), "what was answered is not asked again"


ROWS = [{"index": index, "relevance_score": 0.1 * index} for index in range(4)]
BROKEN = {
    "missing": (ROWS[:3], "3 scores for 4 documents"),
    "none": ([], "0 scores for 4 documents"),
    "twice": ([*ROWS, ROWS[0]], "two scores for document 0"),
    "beyond": ([*ROWS[:3], {"index": 4, "relevance_score": 1}], "document 4, which was not sent"),
    "below": ([*ROWS[:3], {"index": -1, "relevance_score": 1}], "document -1, which was not"),
    "true": ([*ROWS[:3], {"index": True, "relevance_score": 1}], "document True, which was not"),
    "no index": ([*ROWS[:3], {"relevance_score": 1}], "document None, which was not sent"),
    "not a number": ([*ROWS[:3], {"index": 3, "relevance_score": math.nan}], "no finite number"),
    "infinite": ([*ROWS[:3], {"index": 3, "relevance_score": -math.inf}], "no finite number"),
    "too large": ([*ROWS[:3], {"index": 3, "relevance_score": 10**400}], "no finite number"),
    "text": ([*ROWS[:3], {"index": 3, "relevance_score": "1"}], "no finite number: '1'"),
    "no score": ([*ROWS[:3], {"index": 3}], "no finite number: None"),
    "no list": ({"3": 1}, "no list of scores in it"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_answer_is_asked_again_and_never_kept(server, tmp_path, case) -> None:
    rows, problem = BROKEN[case]
    server.answer = lambda request, body: as_json({"results": rows})
    with pytest.raises(StudyError) as caught:
        queried(server, Store(tmp_path))
    assert problem in str(caught.value)
    assert list(Store(tmp_path).paths()) == []
    assert len(server.bodies) >= 2 * len(USERS)
    server.answer = cohere
    queried(server, Store(tmp_path))


@pytest.mark.parametrize("text", ["[", '"x"', "{}", '{"error": "busy"}', "<html>", "[[1]]", "[1]"])
def test_what_is_no_list_of_scores_is_malformed(text) -> None:
    with pytest.raises(Malformed):
        read_reranked(text, 1)


@given(st.lists(st.floats(-1e30, 1e30), min_size=1, max_size=30), st.randoms())
def test_scores_come_in_the_order_of_the_documents_whatever_the_order_of_the_answer(
    scores, shuffled: random.Random
) -> None:
    rows = [{"index": index, "relevance_score": score} for index, score in enumerate(scores)]
    shuffled.shuffle(rows)
    assert rerank_scores(json.dumps({"results": rows}), len(scores)) == scores
    assert rerank_scores(json.dumps({"data": rows}), len(scores)) == scores


ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 5) | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["index", "score", "relevance_score", "results", "usage", "meta"]),
            inner,
            max_size=4,
        )
    ),
)


@given(ANY, st.integers(1, 4))
def test_any_json_gives_one_finite_score_for_each_document_or_is_malformed(answer, n) -> None:
    try:
        completion = read_reranked(json.dumps(answer), n)
    except Malformed:
        return
    assert all(map(math.isfinite, rerank_scores(json.dumps(answer), n)))
    assert completion.text == ""


@pytest.mark.parametrize(
    ("told", "tokens"),
    [
        ({"usage": {"total_tokens": 9}}, 9),
        ({"usage": {"prompt_tokens": 8, "total_tokens": 9}}, 8),
        ({"meta": {"tokens": {"input_tokens": 7, "output_tokens": 0}}}, 7),
        ({"meta": {"billed_units": {"search_units": 1}}}, None),
        ({}, None),
    ],
)
def test_tokens_are_read_as_services_tell_them_and_else_unknown(told, tokens) -> None:
    body = json.dumps({"results": [{"index": 0, "relevance_score": 1.0}], **told})
    assert read_reranked(body, 1).prompt_tokens == tokens


def test_preflight_says_that_scores_are_given(server, tmp_path) -> None:
    server.answer = lambda request, body: as_json(
        {"results": [{"index": i, "relevance_score": 1} for i in range(len(body["documents"]))]}
    )
    settings = ChatSettings("planted", server.base_url, adapter="cohere-rerank")
    request = made_up_question(settings, PROMPT, n_candidates=5, history_length=4)
    budget = Budget.from_config({"requests": None, "tokens": None, "usd": None}, Store(tmp_path))
    findings = {
        found.check: found.result for found in check_chat(service_of(server), request, budget)
    }
    assert findings["scores"] == "one for each candidate"
    assert findings["response_format"] == "not asked for"


def test_only_cross_encoders_score_and_they_write_nothing() -> None:
    with pytest.raises(StudyError, match="scores no pairs of texts"):
        ChatSettings("m", "http://a").rerank_request("q", ["d"])
    with pytest.raises(StudyError, match=r"writes nothing; `ask: relevance`"):
        ChatSettings("m", "http://a", adapter="tei-rerank").request([], 0)
    with pytest.raises(StudyError, match="gives no log-probabilities"):
        ChatSettings("m", "http://a", adapter="tei-rerank").prompt_request("text")
