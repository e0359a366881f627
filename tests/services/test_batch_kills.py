"""Jobs that ask in batches and are killed anywhere: each question is asked once in all."""

import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from microrank.services.batch_notes import BatchNotes
from microrank.services.chat import ChatSettings, ask_chat
from microrank.services.settings import Service
from microrank.services.store import Store, request_key
from microrank.services.store_admin import verify
from services.scripted import as_json, completion, questions, wait_until
from services.scripted_batches import BatchServer

JOB = Path(__file__).with_name("job.py")
KILLS = 30
QUESTIONS = 40  # six files of at most seven


@pytest.fixture
def server(batch_server: BatchServer) -> BatchServer:
    return batch_server


def start(server: BatchServer, store: Store, number: int = QUESTIONS) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, JOB, server.base_url, store.folder, str(number), "batch"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(server: BatchServer, store: Store, number: int = QUESTIONS) -> None:
    """Run again until all is answered."""
    said = []
    for _ in range(40):
        job = start(server, store, number)
        said.append(job.communicate(timeout=300)[1].splitlines()[-1])
        if job.returncode == 0:
            return
        assert "run again after" in said[-1], said
    raise AssertionError(said)


def check_that_each_was_asked_once(server: BatchServer, store: Store, number: int) -> None:
    settings = ChatSettings(model="tiny", base_url=server.base_url)
    requests = questions(settings, number).values()
    assert server.asked == dict.fromkeys(map(request_key, requests), 1)
    assert all(map(store.has, requests))
    assert len(list(store.paths())) == number
    assert verify(store) == {}  # a job killed at the end of a batch leaves its requests
    assert not list(BatchNotes(store).folder.iterdir())


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(1, 6))]
)
def test_thirty_kills_at_random_moments_ask_nothing_twice_and_lose_nothing(
    server: BatchServer, store: Store, seed: int, capsys: pytest.CaptureFixture
):
    draw = random.Random(seed)
    server.pause_s = lambda: draw.uniform(0, 0.03)
    server.course = ("validating", *["in_progress"] * 8, "completed")
    states = []
    for _ in range(KILLS):
        job = start(server, store)
        _wait_for_calls(server, job, sum(server.calls.values()) + draw.randrange(1, 14))
        time.sleep(draw.uniform(0, 0.04))
        job.kill()
        job.communicate()
        states.append(_state(store))
    with capsys.disabled():
        print(f" {KILLS} kills, which left {', '.join(sorted(set(states)))};", end="")
    finish(server, store)
    check_that_each_was_asked_once(server, store, QUESTIONS)


def _wait_for_calls(server: BatchServer, job: subprocess.Popen, number: int) -> None:
    wait_until(lambda: sum(server.calls.values()) >= number or job.poll() is not None)


def _state(store: Store) -> str:
    """What a kill left, in words."""
    notes = BatchNotes(store).read()
    if any(note.batch_id is None and note.sent_at is not None for note in notes):
        return "a batch without its name"
    if any(note.batch_id is None for note in notes):
        return "a note alone"
    return "answers and batches" if list(store.paths()) else "batches"


HOLDS: dict[str, tuple[str, str, bool]] = {  # method, path, whether it is served before it is held
    "while its file is uploaded": ("POST", "/files", False),
    "when its file is uploaded": ("POST", "/files", True),
    "while the batch is asked for": ("POST", "/batches", False),
    "when the batch is made": ("POST", "/batches", True),
    "while the answers are fetched": ("GET", "/files/", False),
    "when the answers are on their way": ("GET", "/files/", True),
}


@pytest.mark.parametrize("moment", HOLDS)
def test_a_job_killed_at_each_moment_of_a_batchs_life_asks_nothing_twice(
    server: BatchServer, store: Store, moment: str
):
    method, path, is_served = HOLDS[moment]
    server.course = ("in_progress", "completed")
    held, free = threading.Event(), threading.Event()
    serve = server.serve

    def hold(request):
        is_it = request.method == method and request.path.removeprefix("/v1").startswith(path)
        if not is_it or held.is_set():
            return serve(request)
        reply = serve(request) if is_served else None
        held.set()
        server.lock.release()
        assert free.wait(300)
        server.lock.acquire()
        return reply or serve(request)

    server.serve = hold
    try:
        job = _start_until(server, store, held)
        job.kill()
        job.communicate()
        late = threading.Timer(0.5, free.set)  # a request of a killed job may arrive late
        late.start()
        finish(server, store, 5)
        free.set()
        late.join()
    finally:
        del server.serve
    check_that_each_was_asked_once(server, store, 5)


def _start_until(server: BatchServer, store: Store, held: threading.Event) -> subprocess.Popen:
    """Run jobs until one of them is held."""
    for _ in range(5):
        job = start(server, store, 5)
        wait_until(lambda job=job: held.is_set() or job.poll() is not None)
        if held.is_set():
            return job
        job.communicate()
    raise AssertionError("no job came that far")


def test_jobs_at_once_send_each_question_once(server: BatchServer, store: Store):
    server.pause_s = lambda: 0.01
    jobs = [start(server, store, number) for number in (20, 30, QUESTIONS)]
    said = [job.communicate(timeout=300)[1] for job in jobs]
    assert all("run again after" in words for words in said), said
    assert set(server.asked.values()) == {1}
    finish(server, store)
    check_that_each_was_asked_once(server, store, QUESTIONS)


def test_a_batch_leaves_out_what_another_job_is_asking_directly(server: BatchServer, store: Store):
    """The direct job began before the batch was noted; the batch waits for its answer."""
    held, free = threading.Event(), threading.Event()
    settings = ChatSettings(model="tiny", base_url=server.base_url)
    [request] = questions(settings, 1).values()

    def fault(method, path):
        if path != "/chat/completions":
            return None
        held.set()
        server.lock.release()
        assert free.wait(300)
        server.lock.acquire()
        return as_json(completion())

    server.fault = fault
    direct = threading.Thread(
        target=ask_chat, args=({"q": request}, Service("llms.tiny", server.base_url), store)
    )
    direct.start()
    assert held.wait(300)
    job = start(server, store, 3)
    wait_until(lambda: len(BatchNotes(store).read()) == 1)
    free.set()
    direct.join()
    job.communicate()
    assert server.asked[request_key(request)] == 0
    finish(server, store, 3)
    assert sorted(server.asked.values()) == [1, 1]
    assert len(list(store.paths())) == 3
