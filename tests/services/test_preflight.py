"""Preflight: what it tells of a model, and what to do where it cannot be asked."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from microrank.errors import StudyError
from microrank.llm.prompts import load_prompt
from microrank.run_preflight import made_up_question, run_preflight
from microrank.services.budget import Budget
from microrank.services.check_chat import check_chat
from microrank.services.check_encoder import check_encoder
from microrank.services.preflight import preflight_page, run_checks
from services.scripted import as_json, completion

ROOT = Path(__file__).parents[2]
RANKING = json.dumps({"ranking": list(range(1, 21))})
USAGE = {"prompt_tokens": 900, "completion_tokens": 60}
THINKING_ONLY = completion(None, "length")
THINKING_ONLY["choices"][0]["message"]["reasoning_content"] = "Let me think. " * 9
REFUSAL = completion(None)
REFUSAL["choices"][0]["message"]["refusal"] = "I can't help with that."


def question(settings, prompt: str = "numbered"):
    loaded = load_prompt(ROOT / f"resources/prompts/{prompt}.yaml")
    return made_up_question(settings, loaded, n_candidates=20, history_length=10)


def page(service, settings, prompt: str = "numbered") -> str:
    request = question(settings, prompt)
    checks = {"llms.tiny": lambda: check_chat(service, request, Budget())}
    return preflight_page(run_checks(checks))


def study(server, methods: list[str], **llm) -> dict:
    """A config with two models behind the scripted server."""
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    section = {
        "adapter": "openai-chat",
        "base_url": server.base_url,
        "model": "tiny",
        "max_tries": 2,
        "first_wait_s": 0.01,
        **llm,
    }
    config["llms"] |= {"tiny": section, "other": {**section, "base_url": "http://127.0.0.1:9/v1"}}
    config["encoders"]["there"] = {
        "adapter": "tei",
        "base_url": server.base_url,
        "model": "e",
        "prefix": "query: ",
    }
    config["rerankers"] |= {
        "mine": {"llm": "tiny", "prompt": "numbered"},
        "study": {"llm": "tiny", "prompt": "study"},
        "dead": {"llm": "other", "prompt": "study"},
        "far": {"encoder": "there", "history": "text"},
        "fused": {"fusion": "reciprocal", "of": ["nfm", "mine"]},
    }
    return config | {"methods": methods}


PROMPTS = {
    name: load_prompt(ROOT / f"resources/prompts/{name}.yaml") for name in ("numbered", "study")
}


def test_a_model_that_is_ready_is_called_so_after_one_question_of_the_studys_size(
    server, service, settings
):
    server.answer = lambda request, body: as_json(
        completion(RANKING, usage=USAGE), **{"x-inference-provider": "novita"}
    )
    text = page(service, settings)
    assert "## llms.tiny: ready" in text
    assert "| served | tiny by novita |" in text
    assert "| response_format (json_schema) | honoured |" in text
    assert "| seed | unknown: the entry sets no seed |" in text
    assert "To do" not in text
    (body,) = server.bodies
    assert body["max_tokens"] == settings.max_tokens
    assert body["messages"][-1]["content"].count("The story of") >= 30


def test_the_studys_own_settings_are_sent(server, service, settings):
    settings = replace(settings, max_tokens=None, extra={"max_completion_tokens": 3000})
    server.answer = lambda request, body: (
        as_json({"error": "Unsupported parameter: 'max_tokens'"}, 400)
        if "max_tokens" in body
        else as_json(completion(RANKING))
    )
    assert "## llms.tiny: ready" in page(service, settings)


def test_a_model_that_wants_max_completion_tokens_is_ready_and_that_is_told(
    server, service, settings
):
    words = "'max_tokens' is not supported. Use 'max_completion_tokens' instead."
    server.answer = lambda request, body: (
        as_json({"error": words}, 400) if "max_tokens" in body else as_json(completion(RANKING))
    )
    text = page(service, settings)
    assert "## llms.tiny: ready" in text
    assert "sent as max_completion_tokens" in text


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (THINKING_ONLY, "within its thinking: raise max_tokens"),
        (completion("1, 2", "length"), "raise max_tokens"),
        (completion("1, 2", "error"), "does not say that the answer is whole"),
        (completion("", "content_filter"), "content filter"),
    ],
)
def test_where_the_studys_question_gets_no_whole_answer_the_model_is_not_ready(
    server, service, settings, answer, problem
):
    server.answer = lambda request, body: as_json(answer)
    text = page(service, replace(settings, seed=7, temperature=1.0))
    assert "## llms.tiny: NOT READY" in text
    assert problem in text
    assert "honoured" not in text


def test_only_whole_answers_are_compared(server, service, settings):
    answers = [as_json(completion(RANKING)), as_json(THINKING_ONLY)]
    server.answer = lambda request, body: answers[min(len(server.bodies), 2) - 1]
    assert "| seed | unknown: the answer is not whole" in page(
        service, replace(settings, seed=7, temperature=1.0)
    )
    server.answer = lambda request, body: as_json(REFUSAL)
    text = page(service, replace(settings, seed=7, temperature=1.0))
    assert "## llms.tiny: ready, but see below" in text
    assert "| seed | unknown: the model refused to answer |" in text
    assert "| response_format (json_schema) | unknown: the model refused to answer |" in text


def test_a_seed_is_tried_where_it_can_be_told_from_none(server, service, settings):
    server.answer = lambda request, body: as_json(completion(RANKING))
    text = page(service, replace(settings, seed=7, temperature=1.0))
    assert "| seed | honoured (same answer twice) |" in text
    assert len(server.bodies) == 2
    text = page(service, replace(settings, seed=7, temperature=0))
    assert "| seed | unknown: at temperature 0" in text
    assert len(server.bodies) == 3


def test_only_models_that_methods_use_are_asked(server):
    server.answer = lambda request, body: as_json(completion(RANKING))
    text = run_preflight(study(server, ["mine", "random"]), PROMPTS)
    assert "## llms.tiny: ready" in text
    assert "other" not in text
    assert "encoders" not in text
    assert "## llms.tiny: ready" in run_preflight(study(server, ["fused"]), PROMPTS)
    assert len(server.bodies) == 2
    text = run_preflight(study(server, ["random", "simulated-study", "minilm"]), PROMPTS)
    assert "## llms.simulated: ready" in text
    assert len(server.bodies) == 2


def test_a_model_that_cannot_be_asked_ends_the_job_with_not_ready_after_all_were_asked(
    server, caplog
):
    server.answer = lambda request, body: as_json(
        [[1.0, 2.0]] * len(body["inputs"]) if "inputs" in body else completion(RANKING)
    )
    caplog.set_level("INFO")
    with pytest.raises(StudyError, match=r"NOT READY: llms\.other: .*is the service up"):
        run_preflight(study(server, ["mine", "dead", "far"]), PROMPTS)
    for line in (
        "## llms.other: NOT READY",
        "## llms.tiny: ready",
        "## encoders.there: ready",
    ):
        assert line in caplog.text
    batch = server.bodies[-1]["inputs"]
    assert all(text.startswith("query: ") for text in batch)
    assert batch[0].count("The story of") == 10


def test_without_a_limit_on_answers_a_budget_in_money_makes_a_model_not_ready(server):
    config = study(server, ["mine"], max_tokens=None)
    config["budget"]["usd"] = 1.0
    with pytest.raises(StudyError, match=r"NOT READY: llms\.tiny: max_tokens is null"):
        run_preflight(config, PROMPTS)
    assert server.bodies == []


@pytest.mark.parametrize("model", ["llama3.1", "llama3.1:latest"])
@pytest.mark.parametrize("listed", ["llama3.1", "llama3.1:latest"])
def test_a_name_and_the_same_name_with_latest_are_one(server, service, settings, model, listed):
    server.answer = lambda request, body: as_json(completion(RANKING, model=listed, usage=USAGE))
    server.listed = {"data": [{"id": listed}]}
    text = page(service, replace(settings, model=model))
    assert "## llms.tiny: ready" in text
    assert "| in the server's list of models | yes |" in text
    assert "To do" not in text


def test_a_prompt_that_the_server_probably_cut_is_something_to_do(server, service, settings):
    answer = completion(RANKING, usage={"prompt_tokens": 100, "completion_tokens": 9})
    server.answer = lambda request, body: as_json(answer)
    text = page(service, settings)
    assert "## llms.tiny: ready, but see below" in text
    assert "probably cut: the server counted 100 tokens" in text
    assert "OLLAMA_CONTEXT_LENGTH" in text


@pytest.mark.parametrize(
    ("status", "to_do"),
    [
        (401, "the token is not accepted: check the variable TINY_TOKEN"),
        (402, "credits are used up"),
        (403, "Make calls to Inference Providers"),
        (404, "check `base_url` and `model`"),
        (400, "check `model`"),
        (500, "status 500: the reason"),
    ],
)
def test_a_model_that_cannot_be_asked_comes_with_what_to_do(
    server, service, settings, monkeypatch, status: int, to_do: str
):
    monkeypatch.setenv("TINY_TOKEN", "t0ken-t0ken")
    server.answer = lambda request, body: as_json({"error": "the reason"}, status)
    text = page(replace(service, token_env="TINY_TOKEN"), settings)
    assert "## llms.tiny: NOT READY" in text
    assert to_do in text
    assert "t0ken-t0ken" not in text


def test_a_missing_token_is_told_without_asking(server, service, settings, monkeypatch):
    monkeypatch.delenv("TINY_TOKEN", raising=False)
    assert "the variable TINY_TOKEN is not set" in page(
        replace(service, token_env="TINY_TOKEN"), settings
    )
    assert server.bodies == []


def test_a_server_that_is_not_there_is_told(service, settings):
    assert "is the service up" in page(replace(service, base_url="http://127.0.0.1:9/v1"), settings)


def test_a_refused_and_an_ignored_response_format_are_told_apart(server, service, settings):
    server.answer = lambda request, body: (
        as_json({}, 400) if "response_format" in body else as_json(completion("1, 2"))
    )
    assert "refused by the server" in page(service, settings)
    server.answer = lambda request, body: as_json(completion("1, 2"))
    assert "accepted but ignored" in page(service, settings)


def test_a_seed_that_changes_nothing_is_told(server, service, settings):
    count = iter(range(100))
    server.answer = lambda request, body: as_json(completion(f"words {next(count)}"))
    assert "| seed | not honoured" in page(service, replace(settings, seed=7, temperature=1.0))


def test_another_model_than_the_one_asked_for_is_something_to_do(server, service, settings):
    server.answer = lambda request, body: as_json(completion(model="cheaper"))
    assert "tiny was asked for, cheaper answers" in page(service, settings)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("org/m", "the default may change between runs: `model: org/m:PROVIDER`"),
        ("org/m:a", "a 0.1/0.2 USD a million tokens; b"),
        ("org/m:c", "c does not serve it; choose of a, b"),
        ("org/n", "no; it has org/m"),
    ],
)
def test_the_routers_list_tells_providers_and_prices(
    server, service, settings, model: str, expected: str
):
    providers = [{"provider": "a", "pricing": {"input": 0.1, "output": 0.2}}, {"provider": "b"}]
    server.listed = {"data": [{"id": "org/m", "providers": providers}]}
    assert expected in page(service, replace(settings, model=model))


def test_one_model_that_fails_does_not_hide_another(server, service, settings):
    dead = replace(service, base_url="http://127.0.0.1:9/v1")
    request = question(settings)
    checks = {
        "llms.dead": lambda: check_chat(dead, request, Budget()),
        "llms.tiny": lambda: check_chat(service, request, Budget()),
    }
    server.answer = lambda request, body: as_json(completion(RANKING))
    text = preflight_page(run_checks(checks))
    assert "## llms.dead: NOT READY" in text
    assert "## llms.tiny: ready" in text


def encoder_page(section: dict) -> str:
    texts = ["a long history", "a title"]
    checks = {"encoders.e": lambda: check_encoder("encoders.e", section, texts, Budget())}
    return preflight_page(run_checks(checks))


def test_an_encoder_is_asked_for_one_batch(server):
    server.answer = lambda request, body: as_json([[1.0, 2.0, 3.0]] * len(body["inputs"]))
    section = {"adapter": "tei", "base_url": server.base_url, "model": "e", "first_wait_s": 0.01}
    text = encoder_page(section)
    assert "## encoders.e: ready" in text
    assert "3 numbers a text" in text
    server.answer = lambda request, body: as_json([[1.0, 2.0, float("nan")]] * 2)
    assert "not finite" in encoder_page(section)


def test_an_encoder_that_takes_no_text_of_that_length_is_not_ready_with_remedies(server):
    server.answer = lambda request, body: as_json(
        {"error": "input is too large to process. increase the physical batch size"}, 500
    )
    section = {"adapter": "openai-embeddings", "base_url": server.base_url, "model": "e"}
    text = encoder_page(section)
    assert "## encoders.e: NOT READY" in text
    assert "subset.history_length" in text
    assert len(server.bodies) == 1


def test_no_configured_service_gives_a_page_too(server):
    assert "No method of the configuration asks a service." in run_preflight(
        study(server, ["random"]), PROMPTS
    )


def test_offline_nobody_is_asked(server):
    config = study(server, ["mine"])
    config["store"]["offline"] = True
    with pytest.raises(StudyError, match=r"store\.offline is true: nobody is asked"):
        run_preflight(config, PROMPTS)
    assert server.bodies == []
