"""When asking stops: never for one bad question, at once where no waiting and no asking helps."""

from dataclasses import replace

import pytest
from microrank.errors import StudyError
from microrank.services.chat import ask_chat
from microrank.services.client import REFUSALS
from microrank.services.complaints import is_about_length, is_about_money
from services.scripted import as_json, completion, questions

CONTEXT = [
    "the request exceeds the available context size, try increasing it",
    "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens",
    "Input is too long for requested model.",
    "prompt is too long: 210000 tokens > 200000 maximum",
    "`inputs` tokens + `max_new_tokens` must be <= 4096. `inputs` must have less than 4095 tokens",
    "Please reduce the length of the messages or completion.",
    "context_length_exceeded",
    "The input is longer than the maximum model length",
]
NO_MONEY = [
    {"message": "You exceeded your current quota.", "code": "insufficient_quota"},
    {"message": "Billing hard limit has been reached", "type": "billing_hard_limit_reached"},
    {"message": "Your credit balance is too low to access the API"},
    {"message": "Insufficient Balance"},
]


def complaint(*arguments, **more) -> str:
    with pytest.raises(StudyError) as caught:
        ask_chat(*arguments, **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def refusing(bad: str, status: int, words: str):
    """A server that refuses one question, and answers all others."""

    def answer(request, body):
        if body["messages"][0]["content"] == bad:
            return as_json({"error": {"message": words}}, status)
        return as_json(completion())

    return answer


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize(
    ("status", "words"),
    [(400, "no"), (413, "no"), (422, "no"), (400, CONTEXT[0]), (500, CONTEXT[0])],
)
def test_the_first_question_alone_is_refused_and_all_others_are_asked_and_kept(
    server, store, service, settings, concurrency, status, words
):
    server.answer = refusing("question 0", status, words)
    service = replace(service, concurrency=concurrency)
    message = complaint(questions(settings, 12), service, store)
    assert "1 of 12 questions have no answer; the 11 others are kept" in message
    assert len(server.bodies) == 12
    message = complaint(questions(settings, 12), service, store)
    assert "user 0, pass 0" in message
    assert len(server.bodies) == 13


@pytest.mark.parametrize("concurrency", [1, 4])
def test_where_several_are_refused_and_none_is_answered_asking_stops(
    server, store, service, settings, concurrency
):
    server.answer = lambda request, body: as_json({"error": "wrong parameter"}, 400)
    service = replace(service, concurrency=concurrency)
    message = complaint(questions(settings, 50), service, store)
    assert "50 of 50 questions have no answer" in message
    assert "wrong parameter; the service rejects the request" in message
    assert REFUSALS <= len(server.bodies) < REFUSALS + concurrency


@pytest.mark.parametrize("words", CONTEXT)
@pytest.mark.parametrize("status", [400, 413, 422, 500])
def test_what_is_too_long_comes_with_advice_about_the_context_and_is_asked_once(
    server, store, service, settings, status, words
):
    server.answer = refusing("question 1", status, words)
    message = complaint(questions(settings, 3), service, store)
    assert "too long for the server" in message
    assert "subset.history_length" in message
    assert "sampling parameters" not in message
    assert server.asked["question 1"] == 1


@pytest.mark.parametrize("words", ["too many requests", "slow down", "model is overloaded", ""])
def test_other_complaints_are_not_about_the_length(words):
    assert not is_about_length(words)


@pytest.mark.parametrize("error", NO_MONEY)
def test_a_429_that_no_waiting_cures_stops_at_once_like_a_402(
    server, store, service, settings, error
):
    server.answer = lambda request, body: as_json({"error": error}, 429)
    message = complaint(questions(settings, 50), service, store)
    assert error["message"] in message
    assert "credits are used up: top up the account" in message
    assert len(server.bodies) <= service.concurrency


def test_what_came_before_the_money_was_used_up_is_kept(server, store, service, settings):
    count = iter(range(1000))
    server.answer = lambda request, body: (
        as_json(completion()) if next(count) < 7 else as_json({"error": NO_MONEY[0]}, 429)
    )
    assert "the 7 others are kept" in complaint(questions(settings, 30), service, store)


def test_a_quota_that_fills_up_again_is_waited_for(server, store, service, settings):
    """Some servers speak of billing where a limit a minute is meant; they say how long to wait."""
    waiting = [
        {"error": {"message": "You exceeded your current quota. Please retry in 0.01s"}},
        {"error": {"message": "Rate limit: add a payment method", "code": "rate_limit_exceeded"}},
    ]
    server.answer = lambda request, body: (
        as_json(waiting.pop(), 429) if waiting else as_json(completion())
    )
    assert len(ask_chat(questions(settings, 1), service, store)) == 1
    assert not is_about_money("<html>", has_wait_hint=False)


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({}, "Rate limit reached on tokens per day. Please try again in 14m24.5s."),
        ({"x-ratelimit-reset-requests": "14m24.5s"}, "Rate limit reached."),
        (
            {"x-ratelimit-reset-tokens": "864.5", "x-ratelimit-remaining-tokens": "0"},
            "Rate limit reached.",
        ),
    ],
)
def test_a_long_wait_in_words_or_in_a_limits_header_stops_and_says_when_to_come_back(
    server, store, service, settings, headers, words
):
    count = iter(range(1000))
    server.answer = lambda request, body: (
        as_json(completion())
        if next(count) < 5
        else as_json({"error": {"message": words}}, 429, **headers)
    )
    message = complaint(questions(settings, 30), replace(service, concurrency=1), store)
    assert "asks to wait 86" in message
    assert "come back then, after 20" in message
    assert "the 5 others are kept" in message
    assert len(server.bodies) == 6


def test_a_limits_header_of_another_fault_is_no_request_to_wait(server, store, service, settings):
    faults = [as_json({"error": "broken"}, 500, **{"x-ratelimit-reset-requests": "24h"})]
    server.answer = lambda request, body: faults.pop() if faults else as_json(completion())
    assert len(ask_chat(questions(settings, 1), service, store)) == 1
