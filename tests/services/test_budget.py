"""The budget is never crossed, counts what earlier runs used, and what is kept stays kept."""

import errno
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace

import pytest
from microrank.errors import StudyError
from microrank.services.budget import Budget, Spent, spending, spent_in
from microrank.services.chat import ask_chat
from microrank.services.failures import AskingStopped
from microrank.services.price import Price
from microrank.services.store import Store
from services.scripted import as_json, completion, questions, wait_until


@pytest.mark.parametrize(
    ("budget", "most"),
    [
        ({"requests": 7}, 7),
        ({"tokens": 1000, "requests": None}, 1000 // 16),
        ({"usd": 0.01}, int(0.01 / 21e-6)),
    ],
)
def test_asking_stops_before_the_budget_is_crossed_and_says_what_is_left(
    server, store, service, settings, budget, most
):
    service = replace(service, price=Price(1.0, 2.0))  # 11 and 5 tokens: 21 millionths of a dollar
    asked = questions(settings, 1000, max_tokens=5)
    with pytest.raises(StudyError) as caught:
        ask_chat(asked, service, store, budget)
    spent = spent_in(store)
    name = next(key for key, limit in budget.items() if limit)
    assert f"budget.{name}" in str(caught.value)
    assert f"{len(server.bodies)} requests" in str(caught.value)
    assert getattr(spent, name) <= budget[name]
    assert 0.8 * most <= len(server.bodies) == len(list(store.paths())) <= most
    assert f"{1000 - len(server.bodies)} of 1000 questions have no answer" in str(caught.value)


def test_the_next_run_goes_on_where_a_raised_budget_allows_and_not_otherwise(
    server, store, service, settings
):
    for limit, total in [(5, 5), (5, 5), (8, 8)]:
        with pytest.raises(StudyError, match=r"budget\.requests"):
            ask_chat(questions(settings, 10), service, store, {"requests": limit})
        assert len(server.bodies) == total
    assert len(ask_chat(questions(settings, 10), service, store, {"requests": 10})) == 10


def ask_at_once(parts, service, store, budget):
    """Each part by a job of its own, all at once; what stopped them."""

    def job(part):
        with pytest.raises(StudyError) if budget["requests"] < 30 else nullcontext():
            ask_chat(part, service, Store(store.folder), budget)

    with ThreadPoolExecutor(len(parts)) as jobs:
        list(jobs.map(job, parts))


def test_jobs_at_once_do_not_overspend_together(server, store, service, settings):
    asked = list(questions(settings, 30).items())
    ask_at_once([dict(asked[part::3]) for part in range(3)], service, store, {"requests": 7})
    assert len(server.bodies) == spent_in(store).requests == 7


def test_jobs_at_once_pay_for_the_same_question_once(server, store, service, settings):
    ask_at_once([questions(settings, 10)] * 3, service, store, {"requests": 30})
    assert len(server.bodies) == 10


def test_a_job_that_waits_for_its_turn_says_so(server, store, service, settings, caplog):
    caplog.set_level("INFO")
    with ThreadPoolExecutor(1) as jobs, spending({"requests": 9}, store):
        waiting = jobs.submit(ask_chat, questions(settings, 2), service, store, {"requests": 9})
        wait_until(lambda: "another job is spending the budget" in caplog.text)
        assert server.bodies == []
    assert len(waiting.result(timeout=10)) == 2


def test_a_file_system_without_locks_is_told_and_nothing_is_asked(
    server, store, service, settings, monkeypatch
):
    def refused(*_):
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr("fcntl.flock", refused)
    with pytest.raises(StudyError, match=r"budget\.lock: this file system has no locks"):
        ask_chat(questions(settings, 2), service, store, {"requests": 9})
    assert server.bodies == []
    assert len(ask_chat(questions(settings, 2), service, store)) == 2


def test_failed_requests_count_too(server, store, service, settings):
    server.answer = lambda request, body: as_json({"error": "broken"}, 500)
    with pytest.raises(StudyError, match=r"budget\.requests"):
        ask_chat(questions(settings, 10), replace(service, max_tries=3), store, {"requests": 4})
    assert len(server.bodies) == 4


def test_simulated_answers_are_free(server, store, service, settings):
    ask_chat(questions(settings, 3, adapter="simulated"), service, store)
    assert spent_in(store) == Spent()
    ask_chat(questions(settings, 3), service, store)
    assert spent_in(store) == Spent(3, 48, 0.0)


def test_a_request_waits_for_those_under_way_where_only_their_worst_case_stands_against_it():
    budget = Budget(tokens=100)
    budget.reserve(Spent(1, 80))
    second = threading.Thread(target=budget.reserve, args=(Spent(1, 80),))
    second.start()
    time.sleep(0.05)
    assert second.is_alive()
    budget.settle(Spent(1, 80), Spent(1, 10))
    second.join(timeout=10)
    assert not second.is_alive()
    budget.settle(Spent(1, 80), Spent(1, 15))
    with pytest.raises(AskingStopped, match="25 tokens"):
        budget.reserve(Spent(1, 80))


def test_an_answer_without_usage_counts_as_a_request(server, store, service, settings):
    server.answer = lambda request, body: as_json(completion(usage=None))
    ask_chat(questions(settings, 2), service, store, {"requests": 2})
    assert spent_in(store).requests == 2
