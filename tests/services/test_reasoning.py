"""Reasoning models: their parameters, what their thinking takes, and a budget that bounds it."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from microrank.errors import StudyError
from microrank.services.budget import Budget, spent_in
from microrank.services.chat import ask_chat, check_bounded
from microrank.services.chat_settings import ChatSettings
from microrank.services.completion import read_completion
from microrank.services.embedding_settings import EmbeddingSettings
from microrank.services.price import Price
from microrank.services.settings import Service
from microrank.services.store import request_key
from microrank.services.store_admin import statistics
from microrank.services.tokens import prompt_probably_cut
from microrank.services.usage import Usage
from services.scripted import as_json, completion, questions

ROOT = Path(__file__).parents[2]
REFUSED = {
    "error": {
        "message": "Unsupported parameter: 'max_tokens' is not supported with this model. "
        "Use 'max_completion_tokens' instead.",
        "code": "unsupported_parameter",
    }
}


def thinking(body, reasoning: int = 40, beside: bool = False) -> dict:
    """An answer whose thinking takes so many tokens of `completion_tokens`, or beside them."""
    usage = {
        "prompt_tokens": 11,
        "completion_tokens": 5 if beside else 5 + reasoning,
        "total_tokens": 16 + reasoning,
        "completion_tokens_details": {"reasoning_tokens": reasoning},
        "prompt_tokens_details": {"cached_tokens": 8},
    }
    return completion(usage=usage)


def test_max_completion_tokens_is_sent_where_max_tokens_is_refused_under_the_same_key(
    server, store, service, settings, caplog
):
    caplog.set_level("INFO")
    server.answer = lambda request, body: (
        as_json(REFUSED, 400) if "max_tokens" in body else as_json(completion())
    )
    asked = questions(settings, 12, max_tokens=77)
    answers = ask_chat(asked, replace(service, concurrency=1), store)
    assert len(server.bodies) == 13
    assert {body.get("max_completion_tokens") for body in server.bodies[1:]} == {77}
    assert caplog.text.count("asking with max_completion_tokens") == 1
    assert {entry.key for entry in answers.values()} == set(map(request_key, asked.values()))
    assert all("max_completion_tokens" in entry.notes[0] for entry in answers.values())
    ask_chat(asked, service, store)
    assert len(server.bodies) == 13


def test_a_refused_limit_and_a_refused_format_are_both_left_behind(
    server, store, service, settings
):
    def answer(request, body):
        if "max_tokens" in body:
            return as_json(REFUSED, 400)
        if "response_format" in body:
            return as_json({"error": "response_format is unknown"}, 400)
        return as_json(completion())

    server.answer = answer
    message = [{"role": "user", "content": "a question"}]
    asked = {"user 1": settings.request(message, 0, {"type": "object"})}
    (entry,) = ask_chat(asked, service, store).values()
    assert len(server.bodies) == 3
    assert len(entry.notes) == 2


@pytest.mark.parametrize(
    ("constant", "settings"),
    [
        ("SHAPING", set(ChatSettings.__dataclass_fields__) - {"answer"}),  # the folder's
        (
            "SHAPING_VECTORS",
            {*EmbeddingSettings.__dataclass_fields__, "prefix", "text", "pooling", "normalise"},
        ),
    ],
)
def test_every_setting_that_shapes_answers_is_a_param_so_that_a_change_asks_again(
    constant, settings
):
    text = "\n".join(path.read_text() for path in sorted(ROOT.glob("workflow/rules/*.smk")))
    listed = re.search(rf"^{constant} = \((.*?)^\)", text, re.DOTALL | re.MULTILINE)[1]
    assert set(re.findall(r'"(\w+)"', listed)) == settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("reasoning_effort", "low"),
        ("chat_template_kwargs", {"enable_thinking": False}),
        ("reasoning_format", "none"),
    ],
)
def test_switches_of_thinking_are_settings_that_are_sent_and_shape_the_key(
    server, store, service, settings, name, value
):
    section = {"adapter": "openai-chat", "model": "tiny", "base_url": server.base_url}
    with_switch = ChatSettings.from_config({**section, name: value})
    without = ChatSettings.from_config({**section, name: None})
    ask_chat(questions(with_switch, 1), service, store)
    assert server.bodies[-1][name] == value
    messages = [{"role": "user", "content": "a question"}]
    assert without.request(messages, 0) == ChatSettings.from_config(section).request(messages, 0)
    assert with_switch.request(messages, 0) != without.request(messages, 0)


def test_reasoning_and_cached_tokens_are_counted_and_priced_by_themselves(
    server, store, service, settings
):
    server.answer = lambda request, body: as_json(thinking(body))
    service = replace(service, price=Price(1.0, 2.0, cached_input=0.1))
    (entry,) = ask_chat(questions(settings, 1), service, store).values()
    assert entry.usage == {
        "prompt_tokens": 11,
        "completion_tokens": 45,
        "reasoning_tokens": 40,
        "cached_tokens": 8,
    }
    assert entry.cost_usd == pytest.approx((3 * 1.0 + 8 * 0.1 + 45 * 2.0) / 1e6)
    assert spent_in(store).usd == pytest.approx(entry.cost_usd)
    (use,) = statistics(store).values()
    assert (use.completion_tokens, use.reasoning_tokens, use.cached_tokens) == (45, 40, 8)


def test_without_a_price_of_their_own_cached_tokens_cost_what_others_do():
    service = Service("llms.tiny", "http://x", price=Price(1.0, 2.0))
    assert service.cost_usd(Usage(10, 0, None, 8)) == pytest.approx(10e-6)


@pytest.mark.parametrize("beside", [False, True])
def test_reasoning_tokens_count_once_whether_a_server_counts_them_beside_or_among_the_others(
    beside,
):
    usage = read_completion(json.dumps(thinking({}, 40, beside))).usage
    assert (usage.completion_tokens, usage.reasoning_tokens) == (45, 40)


json_values = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers())


@given(
    usage=json_values
    | st.dictionaries(
        st.sampled_from(
            [
                "prompt_tokens",
                "completion_tokens",
                "total_tokens",
                "completion_tokens_details",
                "prompt_tokens_details",
                "prompt_cache_hit_tokens",
            ]
        ),
        json_values
        | st.dictionaries(st.sampled_from(["reasoning_tokens", "cached_tokens"]), json_values),
    )
)
def test_any_usage_is_counts_or_unknown_and_costs_no_less_than_nothing(usage):
    counted = Usage.from_answer({"usage": usage})
    assert (counted.reasoning_tokens or 0) <= max(counted.completion_tokens or 0, 0)
    service = Service("llms.tiny", "http://x", price=Price(1.0, 2.0, cached_input=0.5))
    assert service.cost_usd(counted) >= 0
    assert all(count >= 0 for count in counted.to_json().values())


@pytest.mark.parametrize("form", ["max_tokens", "renamed", "extra"])
@pytest.mark.parametrize("limit", [{"tokens": 3000}, {"usd": 0.003}])
def test_a_budget_is_never_crossed_by_thinking(server, store, service, settings, form, limit):
    """The model thinks as long as it may, under whatever name the limit is sent."""

    def answer(request, body):
        if form == "renamed" and "max_tokens" in body:
            return as_json(REFUSED, 400)
        allowed = body.get("max_completion_tokens", body.get("max_tokens"))
        return as_json(thinking(body, allowed - 5))

    server.answer = answer
    changes = {"max_tokens": 300}
    if form == "extra":
        changes = {"max_tokens": None, "extra": {"max_completion_tokens": 300}}
    service = replace(service, price=Price(1.0, 1.0))
    with pytest.raises(StudyError, match=f"could cross budget.{next(iter(limit))}"):
        ask_chat(questions(settings, 100, **changes), service, store, limit)
    spent = spent_in(store)
    assert getattr(spent, next(iter(limit))) <= next(iter(limit.values()))
    assert spent.requests >= 8


@pytest.mark.parametrize("limit", [{"tokens": 3000}, {"usd": 0.003}])
def test_a_budget_is_never_crossed_by_answers_that_are_paid_and_unusable(
    server, store, service, settings, limit
):
    """All went into the thinking: no answer is kept, and every try costs."""
    answer = thinking({}, 295)
    answer["choices"][0]["message"] = {"content": None, "reasoning": "Hmm, let me think."}
    server.answer = lambda request, body: as_json(answer)
    service = replace(service, price=Price(1.0, 1.0))
    with pytest.raises(StudyError, match=f"could cross budget.{next(iter(limit))}"):
        ask_chat(questions(settings, 100, max_tokens=300), service, store, limit)
    assert len(server.bodies) * 311 <= 3000


def test_what_one_answer_takes_beyond_its_limit_is_expected_of_the_next(
    server, store, service, settings
):
    """Some servers let a model think beyond the limit: one answer tells, the budget holds then."""
    server.answer = lambda request, body: as_json(thinking(body, 400, beside=True))
    service = replace(service, concurrency=1)
    with pytest.raises(StudyError, match=r"could cross budget\.tokens"):
        ask_chat(questions(settings, 100, max_tokens=5), service, store, {"tokens": 1700})
    assert spent_in(store).tokens == 4 * 416 <= 1700


@pytest.mark.parametrize("limit", [{"tokens": 1000}, {"usd": 1.0}])
def test_an_answer_without_a_limit_is_refused_under_a_budget_in_tokens_or_money(
    server, store, service, settings, limit
):
    with pytest.raises(StudyError, match=r"llms\.tiny: max_tokens is null.*set max_tokens"):
        ask_chat(questions(settings, 3, max_tokens=None), service, store, limit)
    assert server.bodies == []
    assert len(ask_chat(questions(settings, 1, max_tokens=None), service, store)) == 1
    requests = {"requests": 9}
    assert len(ask_chat(questions(settings, 2, max_tokens=None), service, store, requests)) == 2
    check_bounded(questions(settings, 1).values(), Budget(tokens=1), "llms.tiny")


def test_a_cut_within_the_thinking_is_told_with_what_to_do(server, store, service, settings):
    answer = completion(None, "length")
    answer["choices"][0]["message"]["reasoning_content"] = "Hmm, let me think. " * 9
    server.answer = lambda request, body: as_json(answer)
    with pytest.raises(StudyError, match=r"cut at max_tokens \(512\) within its thinking: raise"):
        ask_chat(questions(settings, 1), service, store)


@pytest.mark.parametrize(
    ("prompt_tokens", "text", "is_cut"),
    [
        (None, "word " * 1000, False),
        (1000, "word " * 1000, False),
        (512, "word " * 1000, True),
        (700, "ein langes zusammengesetztes Wort " * 100, False),
        (1000, "片名" * 500, False),
        (11, "question 7", False),
    ],
)
def test_a_prompt_of_which_far_too_few_tokens_were_counted_was_probably_cut(
    prompt_tokens, text, is_cut
):
    assert prompt_probably_cut(prompt_tokens, text) == is_cut


def test_prompts_that_the_server_probably_cut_are_counted_in_the_log_and_how_to_mend_it(
    server, store, service, settings, caplog
):
    long = {
        f"user {n}": settings.request([{"role": "user", "content": f"{n} a long list " * 200}], 0)
        for n in range(3)
    }
    asked = questions(settings, 2) | long
    ask_chat(asked, service, store)
    assert "llms.tiny: of 3 of 5 prompts the server counted far fewer tokens" in caplog.text
    assert "OLLAMA_CONTEXT_LENGTH" in caplog.text
