"""Endings of answers: what does not say that it is whole is no answer, and is never kept as one."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from microrank.errors import StudyError
from microrank.services.chat import ask_chat
from microrank.services.completion import read_completion
from microrank.services.failures import Malformed
from microrank.services.store import Entry, Store
from services.scripted import as_json, completion, questions

SCRIPT = Path(__file__).parents[2] / "workflow/scripts/store.py"
BROKEN = ["error", "abort", "cancelled", "insufficient_system_resource", "nobody knows", "", None]


def complaint(*arguments, **more) -> str:
    with pytest.raises(StudyError) as caught:
        ask_chat(*arguments, **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def asked_with_schema(settings, number: int) -> dict:
    return {
        f"user {n}": settings.request(
            [{"role": "user", "content": f"question {n}"}], 0, {"type": "object"}
        )
        for n in range(number)
    }


@pytest.mark.parametrize("reason", BROKEN)
def test_an_ending_that_does_not_say_that_the_answer_is_whole_is_asked_again(
    server, store, service, settings, reason
):
    answers = iter([completion("1, 2,", reason)])
    server.answer = lambda request, body: as_json(next(answers, completion()))
    (entry,) = ask_chat(questions(settings, 1), service, store).values()
    assert read_completion(entry.body).text == "3, 1, 2"
    assert len(server.bodies) == 2


@pytest.mark.parametrize("reason", BROKEN)
def test_where_no_answer_ends_well_the_reason_is_named_and_nothing_is_kept(
    server, store, service, settings, reason
):
    server.answer = lambda request, body: as_json(completion("1, 2,", reason))
    message = complaint(questions(settings, 1), service, store)
    assert f"finish_reason {reason!r}" in message
    assert len(server.bodies) == service.max_tries
    assert list(store.paths()) == []


@pytest.mark.parametrize("reason", ["stop", "STOP", "eos", "eos_token", "end_turn", "COMPLETE"])
def test_every_usual_name_of_a_whole_ending_is_known(server, store, service, settings, reason):
    server.answer = lambda request, body: as_json(completion("1, 2", reason))
    assert len(ask_chat(questions(settings, 1), service, store)) == 1
    assert len(server.bodies) == 1


def test_an_error_inside_a_choice_is_an_error_whatever_the_ending(server, store, service, settings):
    answer = completion("1, 2")
    answer["choices"][0]["error"] = {"code": 502, "message": "provider disconnected"}
    server.answer = lambda request, body: as_json(answer)
    assert "provider disconnected" in complaint(questions(settings, 1), service, store)
    assert list(store.paths()) == []


def test_an_unknown_ending_is_logged_once(server, store, service, settings, caplog):
    server.answer = lambda request, body: as_json(completion("1", "as unknown as can be"))
    complaint(questions(settings, 3), service, store)
    assert caplog.text.count("'as unknown as can be' is unknown") == 1


@pytest.mark.parametrize("reason", ["max_tokens", "MAX_TOKENS", "model_length"])
def test_every_usual_name_of_a_cut_is_known(server, store, service, settings, reason):
    server.answer = lambda request, body: as_json(completion("1, 2", reason))
    assert "raise max_tokens" in complaint(questions(settings, 1), service, store)
    assert len(server.bodies) == 1


def test_only_thinking_is_named_with_what_to_do_and_not_asked_often(
    server, store, service, settings
):
    answer = completion(None)
    answer["choices"][0]["message"]["reasoning_content"] = "They like drama, thus 1, 2."
    server.answer = lambda request, body: as_json(answer)
    message = complaint(questions(settings, 1), replace(service, max_tries=6), store)
    assert "only thinking" in message
    assert "raise max_tokens" in message
    assert len(server.bodies) == 2


@pytest.mark.parametrize(
    "message",
    [
        {"content": None, "refusal": "I can't help with that."},
        {"content": "", "refusal": "I can't help with that."},
        {"content": [{"type": "refusal", "refusal": "I can't help with that."}]},
    ],
)
def test_a_refusal_is_asked_once_and_kept_as_an_answer_that_names_nothing(
    server, store, service, settings, message, caplog
):
    caplog.set_level("INFO")
    answer = completion()
    answer["choices"][0]["message"] = {"role": "assistant", **message}
    server.answer = lambda request, body: as_json(answer)
    entries = ask_chat(questions(settings, 2), service, store)
    answers = [read_completion(entry.body) for entry in entries.values()]
    assert [(answer.text, answer.finish_reason) for answer in answers] == [("", "refusal")] * 2
    assert len(server.bodies) == 2
    assert "2 of 2 answers are refusals" in caplog.text
    assert "try another model or prompt" in caplog.text
    ask_chat(questions(settings, 2), service, store)
    assert len(server.bodies) == 2


def test_kinds_of_answers_are_told_where_another_question_has_none(
    server, store, service, settings, caplog
):
    caplog.set_level("INFO")
    call = {"type": "function", "function": {"name": "a", "arguments": '{"ranking": [2, 1]}'}}
    kinds = [
        ("stop", {"content": None, "refusal": "I can't help with that."}),
        ("tool_calls", {"content": None, "tool_calls": [call]}),
        ("stop", {"content": None, "reasoning_content": "They like drama."}),
    ]

    def answer(request, body):
        reason, message = kinds[int(body["messages"][0]["content"][-1])]
        reply = completion(None, reason)
        reply["choices"][0]["message"] = {"role": "assistant", **message}
        return as_json(reply)

    server.answer = answer
    assert "only thinking and no answer" in complaint(questions(settings, 3), service, store)
    assert "1 of 2 answers are refusals" in caplog.text
    assert "1 of 2 answers are tool calls: the JSON of their arguments is read" in caplog.text


def test_json_in_a_tool_calls_arguments_is_the_answer(server, store, service, settings):
    answer = completion(None, "tool_calls")
    call = {"type": "function", "function": {"name": "a", "arguments": '{"ranking": [2, 1]}'}}
    answer["choices"][0]["message"]["tool_calls"] = [call]
    server.answer = lambda request, body: as_json(answer)
    (entry,) = ask_chat(questions(settings, 1), service, store).values()
    assert read_completion(entry.body).text == '{"ranking": [2, 1]}'
    assert len(server.bodies) == 1


@pytest.mark.parametrize("arguments", ['{"ranking": [2,', "", None, "{}"])
def test_a_tool_call_without_json_is_named(server, store, service, settings, arguments):
    answer = completion(None, "tool_calls")
    call = {"type": "function", "function": {"name": "look_up", "arguments": arguments}}
    answer["choices"][0]["message"]["tool_calls"] = [call]
    server.answer = lambda request, body: as_json(answer)
    message = complaint(questions(settings, 1), service, store)
    assert "a tool call (look_up) instead of an answer: forbid it by" in message


def test_a_choice_with_nothing_in_it_is_named_with_what_to_do(server, store, service, settings):
    server.answer = lambda request, body: as_json(completion(None))
    message = complaint(questions(settings, 1), service, store)
    assert "an empty choice" in message
    assert "try another server or model" in message


def test_json_that_runs_into_white_space_is_asked_once_without_the_format(
    server, store, service, settings, caplog
):
    runaway = completion('{\n  "ranking":' + "\n    " * 300, "length")
    server.answer = lambda request, body: as_json(
        runaway if "response_format" in body else completion()
    )
    answers = ask_chat(asked_with_schema(settings, 3), service, store)
    assert len(server.bodies) == 6
    assert all("white space" in entry.notes[0] for entry in answers.values())
    assert caplog.text.count("`response_format: json_object` or `none` would save") == 1


def test_white_space_that_stays_without_the_format_is_no_reason_to_raise_max_tokens(
    server, store, service, settings
):
    server.answer = lambda request, body: as_json(completion("{" + "\n " * 300, "length"))
    message = complaint(asked_with_schema(settings, 1), service, store)
    assert "white space" in message
    assert "raise max_tokens" not in message
    assert len(server.bodies) == 2


def kept_by_an_older_version(store: Store, settings, reason: str | None) -> dict:
    asked = questions(settings, 3)
    for name, request in asked.items():
        good = completion() if name != "user 1, pass 0" else completion("1, 2,", reason)
        store.put(Entry(request, json.dumps(good), served_model="tiny"))
    return asked


@pytest.mark.parametrize("reason", ["error", None, "length"])
def test_verify_finds_what_older_versions_kept_and_says_how_to_get_rid_of_it(
    store, settings, reason
):
    asked = kept_by_an_older_version(store, settings, reason)
    done = subprocess.run(
        [sys.executable, SCRIPT, "--store", store.folder, "verify"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    wrong = store.path(Entry(asked["user 1, pass 0"], "").key)
    assert f"{wrong}: not a whole answer" in done.stdout
    assert done.stdout.count("not a whole answer") == 1
    assert "the next run sets them aside and asks again" in done.stdout


@pytest.mark.parametrize("reason", ["error", None, "length"])
def test_what_older_versions_kept_and_is_not_whole_is_set_aside_and_asked_again(
    server, store, service, settings, caplog, reason
):
    asked = kept_by_an_older_version(store, settings, reason)
    answers = ask_chat(asked, service, store)
    assert [read_completion(entry.body).text for entry in answers.values()] == ["3, 1, 2"] * 3
    assert len(server.bodies) == 1
    assert "not a whole answer" in caplog.text
    assert len(list(store.folder.rglob("*.damaged"))) == 1


@pytest.mark.parametrize("reason", BROKEN)
def test_a_body_with_a_broken_ending_is_malformed(reason):
    with pytest.raises(Malformed):
        read_completion(json.dumps(completion("1, 2", reason)))
