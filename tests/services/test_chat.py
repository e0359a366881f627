"""Asking chat models: what is sent, what is kept, what is asked again, what stops everything."""

import errno
import json
import os
import socket
import threading
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from microrank.errors import StudyError
from microrank.services.chat import ChatSettings, ask_chat
from microrank.services.completion import read_completion
from microrank.services.failures import Malformed
from microrank.services.price import Price
from microrank.services.served import plain_model
from microrank.services.store import Store
from services.scripted import as_json, completion, questions
from werkzeug import Response


def complaint(*arguments, **more) -> str:
    with pytest.raises(StudyError) as caught:
        ask_chat(*arguments, **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_every_question_is_asked_once_and_never_again(server, store, service, settings):
    asked = questions(settings, 20)
    first = ask_chat(asked, service, store)
    server.answer = lambda request, body: as_json({}, 500)
    again = ask_chat(asked, service, store)
    assert list(server.asked.values()) == [1] * 20
    assert {name: entry.body for name, entry in first.items()} == {
        name: entry.body for name, entry in again.items()
    }
    assert list(first) == list(asked)


def test_equal_questions_are_asked_once(server, store, service, settings):
    request = settings.request([{"role": "user", "content": "the same"}], 0)
    answers = ask_chat({"a": request, "b": request}, service, store)
    assert len(server.bodies) == 1
    assert answers["a"] == answers["b"]


def test_a_further_answer_is_a_new_question_of_the_same_body(server, store, service, settings):
    asked = questions(settings, 3)
    ask_chat(asked, service, store)
    assert all("answer" not in request for request in asked.values())  # an old key stays as it is
    for _ in range(2):
        ask_chat(questions(settings, 3, answer=2), service, store)
    assert list(server.asked.values()) == [2] * 3


def test_every_sampling_parameter_is_sent_and_changes_the_key(server, store, service, settings):
    variants = {
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 7,
        "seed": 5,
        "extra": {"top_k": 1},
        "model": "big",
    }
    for name, value in variants.items():
        ask_chat(questions(settings, 1, **{name: value}), service, store)
        sent = server.bodies[-1]
        assert (sent["top_k"] if name == "extra" else sent[name]) == (
            1 if name == "extra" else value
        )
    assert len(server.bodies) == len(variants)


def test_a_note_on_the_revision_changes_the_key_and_is_not_sent(server, store, service, settings):
    ask_chat(questions(settings, 1), service, store)
    ask_chat(questions(settings, 1, revision="new weights"), service, store)
    assert len(server.bodies) == 2
    assert "revision" not in server.bodies[1]


def test_how_to_ask_is_no_part_of_the_key(server, store, service, settings):
    ask_chat(questions(settings, 3), service, store)
    ask_chat(
        questions(settings, 3),
        replace(service, concurrency=1, timeout_s=9, price=Price(1.0, 0.0), requests_per_minute=7),
        store,
    )
    assert len(server.bodies) == 3


def test_no_more_questions_are_under_way_than_allowed(server, store, service, settings):
    gate = threading.Barrier(4, timeout=20)

    def answer(request, body):
        gate.wait()
        return as_json(completion())

    server.answer = answer
    ask_chat(questions(settings, 12), service, store)
    assert server.most_at_once == 4


def test_one_failed_question_fails_alone_and_only_it_is_asked_again(
    server, store, service, settings, caplog
):
    server.answer = lambda request, body: (
        as_json({"error": "no"}, 500)
        if body["messages"][0]["content"] == "question 7"
        else as_json(completion())
    )
    message = complaint(questions(settings, 20), service, store)
    assert "1 of 20 questions have no answer; the 19 others are kept" in message
    assert "user 7, pass 0: status 500: no (tried 3 times)" in message
    assert "user 7, pass 0: status 500" in caplog.text
    assert server.asked["question 7"] == service.max_tries
    server.answer = lambda request, body: as_json(completion())
    ask_chat(questions(settings, 20), service, store)
    assert server.asked["question 7"] == service.max_tries + 1
    assert len(server.bodies) == 19 + service.max_tries + 1


def flaky(*faults: Response):
    """A server that answers with each fault once, then well."""
    waiting = list(faults)
    return lambda request, body: waiting.pop(0) if waiting else as_json(completion())


CUT = Response(b'{"choices": [{"message": {"content": "3, 1', content_type="application/json")


@pytest.mark.parametrize(
    "fault",
    [
        *(
            pytest.param(as_json({"error": "busy"}, status), id=str(status))
            for status in (408, 424, 429, 500, 502, 503, 504)
        ),
        pytest.param(
            as_json({"error": {"message": "slow down"}}, 429, **{"Retry-After": "0"}),
            id="429 with Retry-After",
        ),
        pytest.param(
            as_json({"error": "loading", "estimated_time": 0.01}, 503), id="503 with estimated_time"
        ),
        pytest.param(
            Response("<html>Bad gateway</html>", 502, content_type="text/html"), id="HTML"
        ),
        pytest.param(
            Response("<html>Sign in</html>", 200, content_type="text/html"), id="HTML in a 200"
        ),
        pytest.param(CUT, id="JSON cut"),
        pytest.param(Response("", 200), id="nothing"),
        pytest.param(as_json({"error": {"code": 500, "message": "upstream"}}), id="error in a 200"),
        pytest.param(
            as_json(completion("half an ans", error={"message": "upstream broke"})),
            id="error beside a choice",
        ),
        pytest.param(as_json({"choices": []}), id="no choice"),
        pytest.param(as_json(completion("")), id="an empty choice"),
        pytest.param(as_json(completion(None)), id="content null"),
        pytest.param(as_json([1]), id="a list"),
        pytest.param(Response(b"\xff\xfe{", 200), id="no UTF-8"),
    ],
)
def test_a_passing_fault_is_asked_again_and_never_kept(server, store, service, settings, fault):
    server.answer = flaky(fault)
    answers = ask_chat(questions(settings, 1), service, store)
    assert len(server.bodies) == 2
    assert [read_completion(entry.body).text for entry in answers.values()] == ["3, 1, 2"]


@pytest.mark.parametrize(
    "case",
    [
        (400, "check `model` and the sampling parameters"),
        (401, "check the variable"),
        (402, "credits are used up"),
        (403, "Make calls to Inference Providers"),
        (404, "check `base_url` and `model`"),
        (422, "sampling parameters"),
    ],
)
def test_a_fault_that_no_waiting_cures_stops_early_says_what_to_do_and_keeps_what_came(
    server, store, service, settings, case: tuple[int, str]
):
    status, advice = case
    server.answer = lambda request, body: as_json({"error": {"message": "the reason"}}, status)
    message = complaint(questions(settings, 50), service, store)
    assert len(server.bodies) <= 2 * service.concurrency
    assert f"status {status}: the reason" in message
    assert advice in message
    assert "50 of 50 questions have no answer" in message


def test_what_came_before_the_stop_is_kept(server, store, service, settings):
    count = iter(range(1000))
    server.answer = lambda request, body: (
        as_json(completion()) if next(count) < 10 else as_json({"error": "credits"}, 402)
    )
    assert "the 10 others are kept" in complaint(questions(settings, 50), service, store)
    server.answer = lambda request, body: as_json(completion())
    server.bodies.clear()
    ask_chat(questions(settings, 50), service, store)
    assert len(server.bodies) == 40


def test_a_request_that_is_refused_after_others_were_served_fails_alone(
    server, store, service, settings
):
    """One question may be too long for the context where others are not."""
    ask_chat(questions(settings, 1), service, store)
    server.answer = lambda request, body: (
        as_json({"error": "context length"}, 400)
        if body["messages"][0]["content"] == "question 3"
        else as_json(completion())
    )
    message = complaint(questions(settings, 20), service, store)
    assert "1 of 19 questions have no answer" in message
    assert "user 3, pass 0" in message


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_an_answer_that_is_not_whole_is_not_kept_nor_bought_twice(
    server, store, service, settings, reason: str
):
    server.answer = lambda request, body: as_json(completion("3, 1", reason))
    message = complaint(questions(settings, 1), service, store)
    assert {"length": "raise max_tokens", "content_filter": "content filter"}[reason] in message
    assert len(server.bodies) == 1
    assert list(store.paths()) == []


def test_a_model_whose_every_answer_is_cut_is_not_asked_to_the_end(
    server, store, service, settings
):
    server.answer = lambda request, body: as_json(completion("3, 1", "length"))
    assert "raise max_tokens; 20 questions in a row failed" in complaint(
        questions(settings, 400), service, store
    )
    assert len(server.bodies) <= 20 + 2 * service.concurrency


def test_a_full_disk_stops_asking_at_once(server, store, service, settings, monkeypatch):
    """It is full from the first answer on; the forecast was noted before."""
    sync = os.fsync

    def full(handle):
        if server.bodies:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(handle)

    monkeypatch.setattr(os, "fsync", full)
    message = complaint(questions(settings, 100), service, store)
    assert "the answer cannot be kept (No space left on device); free space" in message
    assert len(server.bodies) <= 3 * service.concurrency
    assert list(store.paths()) == []


def test_a_disk_that_is_full_before_is_told_before_anybody_is_asked(
    server, store, service, settings, monkeypatch
):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    message = complaint(questions(settings, 100), service, store)
    assert "cannot be written (No space left on device); make room and run again" in message
    assert server.bodies == []


def test_a_dead_server_is_noticed_at_once(store, service, settings):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    message = complaint(
        questions(settings, 500), replace(service, base_url=f"http://127.0.0.1:{port}/v1"), store
    )
    assert "500 of 500" in message
    assert "Connection refused" in message
    assert "is the service up" in message


def test_a_server_that_breaks_for_good_is_given_up_after_twenty_failures_in_a_row(
    server, store, service, settings
):
    server.answer = lambda request, body: as_json({"error": "broken"}, 500)
    assert "questions in a row failed" in complaint(
        questions(settings, 400), replace(service, max_tries=1), store
    )
    assert 20 <= len(server.bodies) <= 20 + 2 * service.concurrency


def test_half_of_the_calls_pushed_back_still_ends_with_every_answer(
    server, store, service, settings
):
    count = iter(range(10_000))
    server.answer = lambda request, body: (
        as_json({"error": "rate limit"}, 429) if next(count) % 2 else as_json(completion())
    )
    assert len(ask_chat(questions(settings, 40), replace(service, max_tries=2), store)) == 40


def test_a_wait_longer_than_allowed_stops_with_its_length(server, store, service, settings):
    server.answer = lambda request, body: as_json(
        {"error": "daily limit"}, 429, **{"Retry-After": "86400"}
    )
    assert "asks to wait 86400 s" in complaint(questions(settings, 50), service, store)
    assert len(server.bodies) <= service.concurrency


def test_a_server_that_hangs_is_given_up_in_time(server, store, service, settings):
    hang = threading.Event()
    server.answer = lambda request, body: hang.wait(20) and as_json(completion())
    try:
        message = complaint(
            questions(settings, 1), replace(service, timeout_s=0.2, max_tries=2), store
        )
    finally:
        hang.set()
    assert "no answer within timeout_s (0.2)" in message


def _raw_server(reply: bytes, drip_s: float = 0.0):
    """A socket that sends the same bytes to every request, whole or one by one, and closes."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                try:
                    for part in (
                        [reply]
                        if not drip_s
                        else [reply[:60], *(reply[60 + n : 61 + n] for n in range(len(reply)))]
                    ):
                        connection.sendall(part)
                        if drip_s and stop.wait(drip_s):
                            break
                except OSError:
                    pass

    threading.Thread(target=serve, daemon=True).start()
    return listener, stop


@pytest.mark.parametrize(
    ("reply", "drip_s"),
    [
        (b'HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{"choices": [', 0),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc", 0),
        (b"", 0),
        (b"SSH-2.0-OpenSSH\r\n", 0),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + b" " * 9999, 0.05),
    ],
    ids=["cut", "cut chunk", "closed", "not HTTP", "drip"],
)
def test_a_connection_that_breaks_is_tried_again_and_then_named(
    store, service, settings, reply: bytes, drip_s: float
):
    listener, stop = _raw_server(reply, drip_s)
    try:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        message = complaint(
            questions(settings, 1),
            replace(service, base_url=url, max_tries=2, timeout_s=0.5),
            store,
        )
    finally:
        stop.set()
        listener.close()
    assert "tried 2 times" in message
    assert list(store.paths()) == []


@pytest.mark.parametrize("status", [400, 422, 500])
def test_a_server_that_refuses_the_response_format_is_asked_without_and_the_entry_says_so(
    server, store, service, settings, caplog, status
):
    server.answer = lambda request, body: (
        as_json({"error": "response_format is not supported"}, status)
        if "response_format" in body
        else as_json(completion())
    )
    asked = {
        f"user {n}": settings.request(
            [{"role": "user", "content": f"question {n}"}], 0, {"type": "object"}
        )
        for n in range(30)
    }
    answers = ask_chat(asked, service, store)
    assert all("without response_format" in entry.notes[0] for entry in answers.values())
    assert sum("response_format" in body for body in server.bodies) <= service.concurrency
    assert caplog.text.count("refuses response_format") == 1
    server.bodies.clear()
    ask_chat(asked, service, store)
    assert server.bodies == []


def test_a_schema_is_sent_where_the_setting_and_the_prompt_want_it(settings):
    schema = {"type": "object"}
    assert (
        settings.request([], 0, schema)["body"]["response_format"]["json_schema"]["schema"]
        == schema
    )
    assert replace(settings, response_format="json_object").request([], 0, schema)["body"][
        "response_format"
    ] == {"type": "json_object"}
    assert (
        "response_format"
        not in replace(settings, response_format="none").request([], 0, schema)["body"]
    )
    assert "response_format" not in settings.request([], 0)["body"]


def test_a_missing_token_is_one_line_that_names_the_variable_and_only_where_an_answer_is_missing(
    server, store, service, settings, monkeypatch
):
    monkeypatch.delenv("TINY_TOKEN", raising=False)
    with_token = replace(service, token_env="TINY_TOKEN")
    message = complaint(questions(settings, 3), with_token, store)
    assert "3 answers are not in the store yet, and the variable TINY_TOKEN is not set" in message
    assert server.bodies == []
    ask_chat(questions(settings, 3), service, store)
    assert len(ask_chat(questions(settings, 3), with_token, store)) == 3


def test_offline_never_asks(server, store, service, settings):
    ask_chat(questions(settings, 2), service, store)
    server.bodies.clear()
    offline = Store(store.folder, offline=True)
    assert len(ask_chat(questions(settings, 2), service, offline)) == 2
    assert (
        "1 answers are missing and store.offline is true; the first is user 2, pass 0, key"
        in complaint(questions(settings, 3), service, offline)
    )
    assert server.bodies == []


def test_another_served_model_is_recorded_and_said_once(server, store, service, settings, caplog):
    server.answer = lambda request, body: as_json(
        completion(model="org/other"), **{"x-inference-provider": "somebody"}
    )
    answers = ask_chat(questions(settings, 5), service, store)
    assert {entry.served_model for entry in answers.values()} == {"org/other by somebody"}
    assert caplog.text.count("asked for tiny, served by org/other by somebody") == 1


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct:novita", "llama-3.1-8b-instruct"),
        ("/models/tiny@main", "tiny"),
        ("Llama-3.1-8B-Instruct by groq", "llama-3.1-8b-instruct"),
    ],
)
def test_a_models_plain_name(name: str, plain: str):
    assert plain_model(name) == plain


def test_parts_of_text_are_joined():
    parts = [{"type": "text", "text": "3, "}, {"type": "image"}, {"type": "text", "text": "1"}]
    assert read_completion(json.dumps(completion(parts))).text == "3, 1"


@pytest.mark.parametrize(
    "usage", [None, [], {"prompt_tokens": "many"}, {"prompt_tokens": -1}, {"prompt_tokens": True}]
)
def test_unusable_usage_is_unknown(usage):
    assert read_completion(json.dumps(completion(usage=usage))).prompt_tokens is None


@given(
    body=st.text()
    | st.recursive(
        st.none() | st.text() | st.integers(),
        lambda one: (
            st.lists(one)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "choices",
                        "message",
                        "content",
                        "error",
                        "usage",
                        "model",
                        "finish_reason",
                        "refusal",
                        "tool_calls",
                        "function",
                        "arguments",
                        "reasoning_content",
                    ]
                ),
                one,
            )
        ),
    ).map(json.dumps)
)
def test_any_body_is_an_answer_with_text_or_malformed(body: str):
    try:
        answer = read_completion(body)
    except Malformed:
        return
    endings = ("length", "content_filter", "refusal")
    assert answer.text.strip() or answer.finish_reason in endings


def test_extra_cannot_replace_what_microrank_sets():
    with pytest.raises(StudyError, match=r"extra\.messages"):
        ChatSettings.from_config(
            {
                "adapter": "openai-chat",
                "model": "m",
                "base_url": "http://x",
                "extra": {"messages": []},
            }
        )
