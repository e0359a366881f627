"""Preflight: what it tells of a model, and what to do where it cannot be asked."""

import json
from dataclasses import replace

import pytest
from microrank.errors import StudyError
from microrank.services.budget import Budget
from microrank.services.preflight import check_chat, check_encoder, preflight_page
from services.scripted import as_json, completion


def page(service, settings) -> str:
    return preflight_page({"llms.tiny": lambda: check_chat(service, settings, Budget())})


def test_a_model_that_is_ready_is_called_so(server, service, settings):
    def answer(request, body):
        return as_json(
            completion('{"ranking": [1, 2, 3]}' if "response_format" in body else "ready"),
            **{"x-inference-provider": "novita"},
        )

    server.answer = answer
    text = page(service, settings)
    assert "## llms.tiny: ready" in text
    assert "| served | tiny by novita |" in text
    assert "| response_format (json_schema) | honoured |" in text
    assert "| seed | honoured (same answer twice) |" in text
    assert len(server.bodies) == 4
    assert "To do" not in text


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
    assert "## llms.tiny: see below" in text
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
        as_json({}, 400) if "response_format" in body else as_json(completion("ready"))
    )
    assert "refused by the server" in page(service, settings)
    server.answer = lambda request, body: as_json(completion("ready"))
    assert "accepted but ignored" in page(service, settings)


def test_a_seed_that_changes_nothing_is_told(server, service, settings):
    count = iter(range(100))
    server.answer = lambda request, body: as_json(completion(f"words {next(count)}"))
    assert "| seed | not honoured" in page(service, settings)


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
    checks = {
        "llms.dead": lambda: check_chat(
            replace(service, base_url="http://127.0.0.1:9/v1"), settings, Budget()
        ),
        "llms.tiny": lambda: check_chat(service, settings, Budget()),
    }
    text = preflight_page(checks)
    assert "## llms.dead: see below" in text
    assert "## llms.tiny: ready" in text


def test_an_encoder_is_asked_for_one_tiny_batch(server):
    server.answer = lambda request, body: as_json([[1.0, 2.0, 3.0]] * len(body["inputs"]))
    section = {"adapter": "tei", "base_url": server.base_url, "model": "e"}
    text = preflight_page({"encoders.e": lambda: check_encoder("encoders.e", section, Budget())})
    assert "## encoders.e: ready" in text
    assert "3 numbers a text" in text
    server.answer = lambda request, body: as_json([[1.0, 2.0, float("nan")]] * 2)
    assert "not finite" in preflight_page(
        {"encoders.e": lambda: check_encoder("encoders.e", section, Budget())}
    )


def test_no_configured_service_gives_a_page_too():
    assert json.dumps(preflight_page({})).startswith('"# Preflight')


def test_offline_nobody_is_asked():
    with pytest.raises(StudyError, match=r"store\.offline is true: nobody is asked"):
        preflight_page({"llms.tiny": lambda: pytest.fail("asked")}, offline=True)
