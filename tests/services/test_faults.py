"""Faults mixed at random, and jobs that are killed: no answer is lost or asked again."""

import random
import re
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from microrank.errors import StudyError
from microrank.services.chat import ChatSettings, ask_chat
from microrank.services.completion import read_completion
from microrank.services.settings import Service
from microrank.services.store import Store, request_key
from services.scripted import Scripted, as_json, completion, questions, wait_until
from werkzeug import Response

JOB = Path(__file__).with_name("job.py")
PASSING = [
    *(
        lambda status=status: as_json({"error": "passing"}, status)
        for status in (408, 424, 429, 500, 502, 503, 504)
    ),
    lambda: as_json({"error": {"message": "slow down"}}, 429, **{"Retry-After": "0"}),
    lambda: as_json({"error": "slow down"}, 429, RateLimit='"api";r=0;t=0.01'),
    lambda: as_json({"error": "loading", "estimated_time": 0.01}, 503),
    lambda: as_json({"error": "later"}, 503, **{"Retry-After": "Tue, 14 Nov 2023 22:13:50 GMT"}),
    lambda: Response("<html>Bad gateway</html>", 502, content_type="text/html"),
    lambda: Response("<html>Sign in</html>", 200, content_type="text/html"),
    lambda: Response(
        '{"choices": [{"message": {"content": "wrong', 200, content_type="application/json"
    ),
    lambda: Response("", 200),
    lambda: as_json({"error": {"code": 500, "message": "upstream"}}),
    lambda: as_json({"choices": []}),
    lambda: as_json(completion("")),
    lambda: as_json(completion(None)),
    lambda: Response('{"choices"', 200, {"Content-Length": "5000"}),
]
ALONE = [
    lambda: as_json(completion("wrong", "length")),
    lambda: as_json({"error": "too long"}, 413),
]
FATAL = [
    *(
        lambda status=status: as_json({"error": "for good"}, status)
        for status in (400, 401, 402, 403, 404)
    ),
    lambda: Response("", 307, {"Location": "http://127.0.0.1:9/elsewhere"}),
    lambda: as_json({"error": "tomorrow"}, 429, **{"Retry-After": "86400"}),
]


@pytest.mark.parametrize(
    "seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(3, 20))]
)
def test_of_500_questions_each_is_answered_or_counted_and_no_answer_is_lost_wrong_or_bought_twice(
    server: Scripted, store: Store, service: Service, settings: ChatSettings, seed: int
):
    rng, lock = random.Random(seed), threading.Lock()
    asked = questions(settings, 500)
    file_of = {
        request["body"]["messages"][0]["content"]: store.path(request_key(request))
        for request in asked.values()
    }
    answered, asked_though_kept = set(), []

    def answer(request, body) -> Response:
        question = body["messages"][0]["content"]
        with lock:
            if file_of[question].exists():
                asked_though_kept.append(question)
            draw = rng.random()
            kind = (
                FATAL
                if draw < 0.0005
                else ALONE
                if draw < 0.01
                else PASSING
                if draw < 0.4
                else None
            )
            fault = rng.choice(kind) if kind else None
            if fault is None:
                answered.add(question)
        return as_json(completion(f"the answer to {question}")) if fault is None else fault()

    server.answer = answer
    patient = replace(service, concurrency=8, max_tries=4, first_wait_s=0.002)
    for _ in range(40):
        missing = sum(not path.exists() for path in file_of.values())
        try:
            ask_chat(asked, patient, store)
            break
        except StudyError as error:
            unanswered, total = map(
                int, re.search(r"(\d+) of (\d+) questions have no answer", str(error)).groups()
            )
            assert total == missing
            assert unanswered == sum(not path.exists() for path in file_of.values()) > 0
    else:
        pytest.fail("never finished")
    assert asked_though_kept == []
    assert answered == set(file_of)
    for request in asked.values():
        assert (
            read_completion(store.get(request).body).text
            == f"the answer to {request['body']['messages'][0]['content']}"
        )


@pytest.mark.parametrize(
    "moment",
    [*range(4), *(pytest.param(moment, marks=pytest.mark.soak) for moment in range(4, 34))],
)
def test_after_a_kill_the_next_run_asks_for_exactly_what_is_missing(
    server: Scripted, store: Store, settings: ChatSettings, moment: int
):
    def slow(request, body) -> Response:
        time.sleep(0.02)
        return as_json(completion())

    server.answer = slow
    asked = questions(settings, 80)
    job = subprocess.Popen(
        [sys.executable, JOB, server.base_url, store.folder, "80"], stderr=subprocess.DEVNULL
    )
    wait_until(lambda: len(server.bodies) > 0)
    time.sleep(random.Random(moment).uniform(0, 0.5))
    job.kill()
    job.wait()
    time.sleep(0.05)  # what the server still had in hand
    missing = {
        request["body"]["messages"][0]["content"]
        for request in asked.values()
        if not store.has(request)
    }
    server.bodies.clear()
    subprocess.run([sys.executable, JOB, server.base_url, store.folder, "80"], check=True)
    assert dict(server.asked) == dict.fromkeys(missing, 1)
    assert all(store.get(request) is not None for request in asked.values())


def test_an_interrupted_job_keeps_what_came_and_ends_soon(server: Scripted, store: Store):
    hold = threading.Event()
    count = iter(range(1000))
    server.answer = lambda request, body: (
        (next(count) < 20 or hold.wait(1)) and as_json(completion())
    )
    job = subprocess.Popen(
        [sys.executable, JOB, server.base_url, store.folder, "80"], stderr=subprocess.PIPE
    )
    wait_until(lambda: len(server.bodies) >= 24)
    job.terminate()
    try:
        assert job.wait(timeout=20) != 0
    finally:
        hold.set()
        job.stderr.close()
    assert len(list(store.paths())) >= 20


def test_two_jobs_on_one_store_end_with_the_same_answers(
    server: Scripted, store: Store, settings: ChatSettings
):
    count = iter(range(1000))
    server.answer = lambda request, body: as_json(completion(f"answer {next(count)}"))
    command = [sys.executable, JOB, server.base_url, store.folder, "40", "print"]
    jobs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    printed = [job.communicate()[0] for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0]
    assert printed[0] == printed[1] != ""
    assert len(list(store.paths())) == 40
