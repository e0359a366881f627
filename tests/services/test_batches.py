"""Asking in batches: over several runs every question is asked once, whatever the service does."""

import dataclasses
import json
from collections import Counter
from dataclasses import replace

import pytest
from microrank.errors import StudyError
from microrank.services.batch_lines import IN_BATCH
from microrank.services.batch_notes import BatchNotes
from microrank.services.chat import ChatSettings, ask_chat
from microrank.services.chat_model import FORMAT_REFUSED, LIMIT_RENAMED
from microrank.services.completion import read_completion
from microrank.services.failures import BudgetReached, Pending
from microrank.services.price import Price
from microrank.services.settings import Service
from microrank.services.store import Store, request_key
from services.scripted import as_json, completion, questions
from services.scripted_batches import BatchServer, answered, failed, good


@pytest.fixture
def server(batch_server: BatchServer) -> BatchServer:
    return batch_server


@pytest.fixture
def service(server: BatchServer) -> Service:
    return Service(
        "llms.tiny",
        server.base_url,
        timeout_s=0.5,
        max_tries=3,
        max_wait_s=5.0,
        first_wait_s=0.01,
        mode="batch",
        price=Price(2.0, 8.0, cached_input=1.0, batch=0.5),
    )


@pytest.fixture
def settings(server: BatchServer) -> ChatSettings:
    return ChatSettings(model="tiny", base_url=server.base_url, max_tokens=50)


def runs(asked, service, store, budget=None, at_most: int = 12) -> tuple[dict, list[str]]:
    """Run again until all is answered; the answers, and what each run before said."""
    said = []
    for _ in range(at_most):
        try:
            return ask_chat(asked, service, Store(store.folder), budget), said
        except StudyError as error:
            said.append(str(error))
    raise AssertionError(said)


def test_questions_are_sent_remembered_and_fetched_over_several_runs(
    server, service, store, settings
):
    asked = questions(settings, 5)
    with pytest.raises(Pending) as caught:
        ask_chat(asked, service, store)
    line = str(caught.value)
    assert line.startswith("llms.tiny: 5 of 5 questions have no answer yet; 1 batch is not done")
    assert "batch_0: validating" in line
    assert "; run again after 2" in line
    assert "\n" not in line
    assert BatchNotes(store).holds(request_key(asked["user 3, pass 0"]))
    answers, said = runs(asked, service, store)
    assert [read_completion(entry.body).text for entry in answers.values()] == [
        f"answer to question {n}" for n in range(5)
    ]
    assert len(said) == 2, "in progress, finalizing"
    assert set(server.asked.values()) == {1}
    assert server.calls["POST /batches"] == 1
    assert not list(BatchNotes(store).folder.iterdir())
    before = sum(server.calls.values())
    assert len(ask_chat(asked, service, Store(store.folder, offline=True))) == 5
    assert sum(server.calls.values()) == before, "what is kept asks nobody"


def test_an_answer_of_a_batch_is_kept_as_a_direct_one_is_at_the_batchs_price(
    server, service, store, settings
):
    [entry] = runs(questions(settings, 1), service, store)[0].values()
    assert entry.notes == (IN_BATCH,)
    assert entry.usage == {"prompt_tokens": 11, "completion_tokens": 5}
    assert entry.cost_usd == pytest.approx((11 * 2 + 5 * 8) / 2e6)
    assert entry.latency_s is None
    assert server.batches[0].endpoint == "/v1/chat/completions"
    assert server.batches[0].window == "24h"
    line = server.batches[0].lines[0]
    assert (line["method"], line["url"]) == ("POST", "/v1/chat/completions")
    assert line["custom_id"] == request_key(entry.request)
    assert line["body"] == entry.request["body"]


@pytest.mark.parametrize(("limits", "n"), [({"batch_lines": 2}, 3), ({"batch_bytes": 700}, 3)])
def test_limits_on_lines_and_bytes_cut_a_file(server, service, store, settings, limits, n):
    runs(questions(settings, 5), replace(service, **limits), store)
    assert [len(made.lines) for made in server.batches] == [2, 2, 1]
    assert len(server.batches) == n
    assert set(server.asked.values()) == {1}
    sizes = [len(server.files[made.file_id]) for made in server.batches]
    assert max(sizes) <= limits.get("batch_bytes", 1000)


def test_a_run_with_more_questions_sends_only_the_new_ones(server, service, store, settings):
    with pytest.raises(Pending):
        ask_chat(questions(settings, 3), service, store)
    with pytest.raises(Pending, match="2 batches are not done"):
        ask_chat(questions(settings, 5), service, store)
    assert [len(made.lines) for made in server.batches] == [3, 2]
    assert len(runs(questions(settings, 4), service, store)[0]) == 4
    assert len(runs(questions(settings, 5), service, store)[0]) == 5
    assert set(server.asked.values()) == {1}


def test_a_fetched_batch_keeps_the_answers_that_another_job_asked_for(
    server, service, store, settings
):
    with pytest.raises(Pending):
        ask_chat(questions(settings, 5), service, store)
    runs(questions(settings, 1), service, store)
    assert len(ask_chat(questions(settings, 5), service, store)) == 5
    assert len(server.batches) == 1


@pytest.mark.parametrize("code", ["batch_expired", "request_timeout", None])
def test_a_batch_half_done_gives_what_it_has_and_the_rest_is_sent_again_at_once(
    server, service, store, settings, code
):
    """None: lines of what expired are missing from both files."""
    server.course = ("in_progress", "expired")

    def half(line):
        is_late = int(line["body"]["messages"][-1]["content"][-1]) >= 3
        if is_late and len(server.batches) == 1:
            return None if code is None else failed(line, code)
        return good(line)

    server.answer = half
    asked = questions(settings, 5)
    with pytest.raises(Pending):
        ask_chat(asked, service, store)
    with pytest.raises(Pending, match="2 of 5 questions have no answer yet; 1 batch"):
        ask_chat(asked, service, store)
    assert len(list(store.paths())) == 3
    assert len(runs(asked, service, store)[0]) == 5
    assert sorted(server.asked.values()) == [1, 1, 1, 2, 2]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_line_that_failed_in_passing_is_sent_again(server, service, store, settings, status):
    server.answer = lambda line: (
        answered(line, {"error": {"message": "busy"}}, status)
        if len(server.batches) == 1 and line["body"]["messages"][-1]["content"] == "question 1"
        else good(line)
    )
    answers, _ = runs(questions(settings, 3), service, store)
    assert len(answers) == 3
    assert [len(made.lines) for made in server.batches] == [3, 1]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (completion("1, 2", "length"), "it was cut at max_tokens"),
        (completion("", "length"), "within its thinking"),
        (completion("x", "content_filter"), "content filter"),
        (completion("x", "error"), "does not say that the answer is whole"),
        (completion(""), "an empty choice"),
        ({"error": {"message": "broken"}}, "an error in a 200"),
        ({"choices": []}, "no choice"),
        ("text", "JSON, but no object"),
    ],
)
def test_what_is_no_whole_answer_is_listed_not_kept_and_asked_again_by_the_next_run_only(
    server, service, store, settings, body, why
):
    server.answer = lambda line: (
        answered(line, body)
        if len(server.batches) == 1 and line["body"]["messages"][-1]["content"] == "question 1"
        else good(line)
    )
    asked = questions(settings, 3)
    answers, said = runs(asked, service, store)
    assert len(answers) == 3
    told = next(line for line in said if "failed" in line)
    assert "1 of 3 questions have no answer yet; 1 failed: user 1, pass 0" in told
    assert why in told
    assert told.endswith("run again to ask only what is missing")
    assert [len(made.lines) for made in server.batches] == [3, 1]
    assert said.index(told) == 3, "the run that fetched it did not send it again"


def test_a_refusal_is_kept_and_told(server, service, store, settings, caplog):
    refusal = completion("")
    refusal["choices"][0]["message"] = {"role": "assistant", "content": None, "refusal": "I can't"}
    server.answer = lambda line: answered(line, refusal)
    answers, _ = runs(questions(settings, 2), service, store)
    assert all(read_completion(entry.body).is_refusal for entry in answers.values())
    assert "2 of 2 answers are refusals" in caplog.text


@pytest.mark.parametrize(
    ("field", "problem", "note"),
    [
        (
            "max_tokens",
            "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead.",
            LIMIT_RENAMED,
        ),
        ("response_format", "response_format is not supported", FORMAT_REFUSED),
    ],
)
def test_a_refused_form_is_sent_again_in_another_which_later_batches_take_at_once(
    server, service, store, settings, field, problem, note
):
    schema = {"type": "object"}
    asked = {
        n: settings.request([{"role": "user", "content": f"question {n}"}], 0, schema)
        for n in range(6)
    }
    server.answer = lambda line: (
        answered(line, {"error": {"message": problem}}, 400)
        if field in line["body"]
        else good(line)
    )
    first, _ = runs(dict(list(asked.items())[:4]), service, store)
    assert all(note in entry.notes for entry in first.values())
    assert [len(made.lines) for made in server.batches] == [4, 4]
    runs(asked, service, store)
    assert [len(made.lines) for made in server.batches] == [4, 4, 2]
    assert all(field not in line["body"] for made in server.batches[1:] for line in made.lines)


def test_an_answer_that_ran_into_white_space_is_asked_once_more_without_a_format(
    server, service, store, settings
):
    asked = {0: settings.request([{"role": "user", "content": "q"}], 0, {"type": "object"})}
    runs_on = completion('{"ranking":' + "\n " * 80, "length")
    server.answer = lambda line: (
        answered(line, runs_on) if "response_format" in line["body"] else good(line)
    )
    assert len(runs(asked, service, store)[0]) == 1
    server.batches.clear()
    server.answer = lambda line: answered(line, runs_on)
    with pytest.raises(AssertionError):
        runs(asked, service, Store(store.folder.with_name("other")), at_most=9)
    assert [set(made.lines[0]["body"]) & {"response_format"} for made in server.batches] == [
        {"response_format"},
        set(),
        {"response_format"},
    ]


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (400, {"error": {"message": "temperature is wrong"}}, "the service rejects the request"),
        (401, {"error": {"message": "no"}}, "the token is not accepted"),
        (404, {"error": {"message": "no such model"}}, "nothing is served there"),
        (400, {"error": {"message": "maximum context length is 8"}}, "the question is too long"),
    ],
)
def test_a_line_that_is_refused_is_listed(server, service, store, settings, status, body, why):
    server.answer = lambda line: answered(line, body, status)
    said = []
    for _ in range(4):
        with pytest.raises(StudyError) as caught:
            ask_chat(questions(settings, 2), service, store)
        said.append(str(caught.value))
    assert "2 failed: user 0, pass 0, user 1, pass 0; the first" in said[-1]
    assert why in said[-1]


@pytest.mark.parametrize(
    "errors",
    [
        {"object": "list", "data": [{"code": "token_limit_exceeded", "message": "too much"}]},
        [{"code": "token_limit_exceeded", "message": "too much", "line": 3}],
        "token_limit_exceeded: too much",
    ],
)
def test_a_batch_that_fails_as_a_whole_says_why_and_is_not_sent_again_by_the_same_run(
    server, service, store, settings, errors
):
    server.course, server.errors = ("validating", "failed"), errors
    with pytest.raises(Pending):
        ask_chat(questions(settings, 2), service, store)
    with pytest.raises(StudyError, match="batch_0 is failed: token_limit_exceeded: too much"):
        ask_chat(questions(settings, 2), service, store)
    assert len(server.batches) == 1
    server.course = ("completed",)
    assert len(runs(questions(settings, 2), service, store)[0]) == 2
    assert len(server.batches) == 2


def test_a_batch_that_was_cancelled_gives_what_it_has(server, service, store, settings):
    server.course = ("in_progress", "cancelling", "cancelled")
    server.answer = lambda line: (
        good(line)
        if line["body"]["messages"][-1]["content"] == "question 0" or len(server.batches) > 1
        else failed(line, "batch_cancelled")
    )
    answers, said = runs(questions(settings, 3), service, store)
    assert len(answers) == 3
    assert "cancelling" in said[1]
    assert "2 failed" in said[2]
    assert "batch_cancelled" in said[2]
    assert [len(made.lines) for made in server.batches] == [3, 2]


def test_broken_foreign_and_repeated_lines_harm_no_other(server, service, store, settings, caplog):
    asked = questions(settings, 3)
    runs_before = server.look

    def look(made):
        reply = runs_before(made)
        name = f"{made.id}-output"
        if server.files.get(name):
            good_lines = server.files[name]
            foreign = json.dumps(answered({"custom_id": "f" * 64}, completion("x")))
            server.files[name] = (
                good_lines + '{"custom_id": "cu\n' + foreign + "\n\n17\n" + good_lines
            )
        return reply

    server.look = look
    try:
        assert len(runs(asked, service, store)[0]) == 3
    finally:
        del server.look
    assert "2 lines of a batch are broken" in caplog.text
    assert "1 lines of a batch are of no question of it" in caplog.text
    assert len(list(store.paths())) == 3


def test_a_batch_with_answers_is_not_over_before_it_names_their_file(
    server, service, store, settings
):
    asked = questions(settings, 2)
    server.course = ("completed",)
    hidden = server.show
    server.show = lambda made: {**hidden(made), "output_file_id": None}
    try:
        for _ in range(3):
            with pytest.raises(Pending):
                ask_chat(asked, service, store)
    finally:
        del server.show
    assert len(runs(asked, service, store)[0]) == 2
    assert len(server.batches) == 1


@pytest.mark.parametrize("status", ["COMPLETED", "Completed ", "completed"])
def test_statuses_in_capitals_are_understood_and_unknown_ones_wait(
    server, service, store, settings, status
):
    server.course = ("PROGRESS", "QUEUED", "completed")
    shown = server.show
    server.show = lambda made: {
        **(batch := shown(made)),
        "status": status.join(batch["status"].split("completed")),
    }
    try:
        answers, said = runs(questions(settings, 2), service, store)
    finally:
        del server.show
    assert (len(answers), len(said)) == (2, 2)


@pytest.mark.parametrize(
    ("method", "path", "what"),
    [
        ("POST", "/files", "upload"),
        ("POST", "/batches", "create"),
        ("GET", "/batches/", "look"),
        ("GET", "/files/", "content"),
    ],
)
@pytest.mark.parametrize("status", [429, 500, 503])
def test_passing_faults_of_each_step_are_waited_for(
    server, service, store, settings, method, path, what, status
):
    faults = Counter()

    def fault(method_now, path_now):
        if method_now == method and path_now.startswith(path) and faults[what] < 2:
            faults[what] += 1
            return as_json({"error": "busy"}, status)
        return None

    server.fault = fault
    answers, _ = runs(questions(settings, 3), service, store)
    assert len(answers) == 3
    assert faults[what] == 2
    assert set(server.asked.values()) == {1}


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/files"), ("POST", "/batches"), ("GET", "/batches/")]
)
def test_a_wrong_token_stops_with_a_line_and_nothing_is_lost(
    server, service, store, settings, method, path
):
    asked = questions(settings, 3)
    server.fault = lambda method_now, path_now: (
        as_json({"error": "bad key"}, 401)
        if method_now == method and path_now.startswith(path)
        else None
    )
    for _ in range(2):
        with pytest.raises(StudyError) as caught:
            ask_chat(asked, service, store)
        if not isinstance(caught.value, Pending):
            assert "the token is not accepted" in str(caught.value)
    server.fault = lambda *_: None
    assert len(runs(asked, service, store)[0]) == 3
    assert set(server.asked.values()) == {1}


def test_a_service_without_batches_is_told(server, service, store, settings):
    server.fault = lambda *_: as_json({"error": "not found"}, 404)
    with pytest.raises(StudyError, match="or set `mode: direct`"):
        ask_chat(questions(settings, 2), service, store)
    assert not list(BatchNotes(store).folder.iterdir())


def test_a_batch_that_the_service_has_forgotten_is_told_with_what_to_delete(
    server, service, store, settings
):
    asked = questions(settings, 2)
    with pytest.raises(Pending):
        ask_chat(asked, service, store)
    server.batches.clear()
    with pytest.raises(StudyError, match="deleted, or belongs to another account") as caught:
        ask_chat(asked, service, store)
    [note] = BatchNotes(store).folder.glob("*.json")
    assert f"delete {note}" in str(caught.value)
    note.unlink()
    assert len(runs(asked, service, store)[0]) == 2


@pytest.mark.parametrize("metadata_is_kept", [True, False])
def test_a_batch_whose_reply_was_lost_is_found_in_the_list_and_not_made_again(
    server, service, store, settings, metadata_is_kept
):
    server.metadata_is_kept = metadata_is_kept
    asked = questions(settings, 3)
    for extra in range(4):  # older batches of others: the list has pages
        server.files[f"old-{extra}"] = ""
        server.batches.append(
            dataclasses.replace(_an_old_batch(), id=f"old_{extra}", file_id=f"old-{extra}")
        )
    made = server.create

    def create_and_lose(request):
        made(request)
        return as_json({"error": "gateway"}, 502)

    server.create = create_and_lose
    try:
        with pytest.raises(Pending):
            ask_chat(asked, service, store)
    finally:
        del server.create
    assert len(runs(asked, service, store)[0]) == 3
    assert set(server.asked.values()) == {1}


def _an_old_batch():
    from services.scripted_batches import Made

    return Made("old", "old", {"other": "x"}, [], "/v1/chat/completions", "24h", created_at=10**9)


def test_where_batches_are_not_listed_a_lost_reply_stops_rather_than_pays_twice(
    server, service, store, settings
):
    asked = questions(settings, 3)
    server.lists = False
    made = server.create
    server.create = lambda request: (made(request), as_json({"error": "gateway"}, 502))[1]
    try:
        for _ in range(2):
            with pytest.raises(
                StudyError, match=r"whether batch .* was made is not known"
            ) as caught:
                ask_chat(asked, service, store)
            assert "console" in str(caught.value)
    finally:
        del server.create
    assert set(server.asked.values()) == {1}


def test_a_changed_mode_does_not_ask_what_a_batch_has(server, service, store, settings):
    asked = questions(settings, 3)
    direct = replace(service, mode="direct")
    with pytest.raises(Pending):
        ask_chat(asked, service, store)
    with pytest.raises(Pending, match="1 batch is not done"):
        ask_chat(asked, direct, store)
    assert server.calls["POST /chat/completions"] == 0
    answers, _ = runs(asked, direct, store)
    assert {entry.cost_usd for entry in answers.values()} == {(11 * 2 + 5 * 8) / 2e6}
    assert server.calls["POST /chat/completions"] == 0


def test_batches_count_in_the_budget_with_their_worst_and_then_with_what_they_took(
    server, service, store, settings
):
    """A question takes at most 7 tokens in by its bytes, 16 of the template, 50 out."""
    asked = questions(settings, 10)
    budget = {"tokens": 4 * (5 + 16 + 50)}
    with pytest.raises(Pending, match=r"budget\.tokens"):
        ask_chat(asked, service, store, budget)
    assert [len(made.lines) for made in server.batches] == [4]
    with pytest.raises(Pending):
        ask_chat(asked, service, store, budget)
    assert len(server.batches) == 1, "the batch stands against the budget"
    server.course = ("completed",)
    with pytest.raises(Pending):
        ask_chat(asked, service, store, budget)
    assert [len(made.lines) for made in server.batches] == [4, 3], "4 answers took 64 tokens"
    with pytest.raises(Pending):
        ask_chat(asked, service, store, budget)
    assert [len(made.lines) for made in server.batches] == [4, 3, 2], "7 took 112 tokens"


def test_a_budget_that_takes_no_question_is_told_as_such(server, service, store, settings):
    with pytest.raises(BudgetReached, match=r"budget\.usd"):
        ask_chat(questions(settings, 3), service, store, {"usd": 1e-6})
    assert server.batches == []


def test_a_planted_token_is_in_no_file_of_the_store_while_a_batch_is_under_way(
    server, service, store, settings, monkeypatch
):
    monkeypatch.setenv("TINY_TOKEN", "hf_PLANTED0123456789")
    named = replace(service, token_env="TINY_TOKEN")
    with pytest.raises(Pending):
        ask_chat(questions(settings, 3), named, store)
    held = [path for path in store.folder.rglob("*") if path.is_file()]
    assert held
    assert all(b"PLANTED" not in path.read_bytes() for path in held)
    assert {of["Authorization"] for of in server.headers} == {"Bearer hf_PLANTED0123456789"}
