"""Several jobs on one store: each question is asked once in all, and nobody waits for the dead."""

import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import pytest
from commandline import SNAKEMAKE, edit_config
from microrank.errors import StudyError
from microrank.services.chat import ChatSettings, ask_chat
from microrank.services.embedding_settings import EmbeddingSettings
from microrank.services.locks import lock_of
from microrank.services.settings import Service
from microrank.services.store import Store, request_key
from microrank.services.store_admin import verify
from services.scripted import Scripted, as_json, completion, questions, wait_until
from werkzeug import Response

JOB = Path(__file__).with_name("job.py")


def slow(request, body) -> Response:
    """Chat or embeddings, as asked, each after a moment."""
    time.sleep(0.05)
    return as_json(
        [[float(len(text)), 1.0] for text in body["inputs"]] if "inputs" in body else completion()
    )


def asked(server: Scripted) -> Counter:
    """How often each question came, as a message or as a text of a batch."""
    return Counter(
        chain(
            *(
                body["inputs"] if "inputs" in body else [body["messages"][-1]["content"]]
                for body in server.bodies
            )
        )
    )


def start(server: Scripted, store: Store, number: int, *what: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, JOB, server.base_url, store.folder, str(number), *what],
        stderr=subprocess.PIPE,
        text=True,
    )


def read_until(words: str, job: subprocess.Popen) -> str:
    """What the job has said, up to the line with these words."""
    said = ""
    while words not in said:
        line = job.stderr.readline()
        assert line, said
        said += line
    return said


@pytest.mark.parametrize("what", [[], ["embed"]], ids=["chat", "embeddings"])
def test_jobs_at_once_ask_each_question_once_in_all(
    server: Scripted, store: Store, what: list[str]
):
    server.answer = slow
    jobs = [start(server, store, 60, *what) for _ in range(3)]
    said = [job.communicate(timeout=60)[1] for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0, 0], said
    assert asked(server) == Counter({f"question {n}": 1 for n in range(60)})
    assert not list(store.folder.rglob("*.lock"))
    assert what or server.most_at_once > 4, "jobs share the work"


@pytest.mark.parametrize(
    ("what", "at_first"), [([], 6), (["embed"], 4)], ids=["chat", "embeddings"]
)
def test_whoever_waits_for_anothers_question_says_so_once_and_finds_the_answer(
    server: Scripted, store: Store, what: list[str], at_first: int
):
    hold = threading.Event()
    server.answer = lambda request, body: hold.wait(30) and slow(request, body)
    first = start(server, store, 4, *what)
    wait_until(lambda: sum(asked(server).values()) == 4)
    second = start(server, store, 6, *what)
    wait_until(lambda: sum(asked(server).values()) == at_first)  # of a chat model, its own two
    said = read_until("another job is asking", second) if what else ""
    hold.set()
    said += second.communicate(timeout=60)[1]
    assert (first.wait(timeout=30), second.returncode) == (0, 0), said
    first.stderr.close()
    assert said.count("another job is asking") == 1
    assert set(asked(server).values()) == {1}


def test_the_questions_of_a_killed_job_are_asked_at_once_by_those_who_waited(
    server: Scripted, store: Store
):
    hold = threading.Event()
    server.answer = lambda request, body: (
        as_json(completion()) if len(server.bodies) > 4 else hold.wait(30) and as_json(completion())
    )
    killed = start(server, store, 4)
    wait_until(lambda: len(server.bodies) == 4)
    waiting = start(server, store, 4)
    said = read_until("another job is asking", waiting)
    assert len(server.bodies) == 4
    killed.send_signal(signal.SIGKILL)
    said += waiting.communicate(timeout=60)[1]
    assert said.count("another job is asking") == 1
    hold.set()
    assert waiting.returncode == 0
    killed.communicate()
    assert set(asked(server).values()) == {2}
    assert not list(store.folder.rglob("*.lock"))


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(1, 20))]
)
@pytest.mark.parametrize("what", [[], ["embed"]], ids=["chat", "embeddings"])
def test_however_often_jobs_are_killed_no_kept_question_is_asked_again(
    server: Scripted, store: Store, what: list[str], seed: int
):
    """Two jobs at a time ask one server, which looks into the store at every request.

    Four times both are killed, one after the other.
    """
    draw = random.Random(seed)
    chat = questions(ChatSettings(model="tiny", base_url=server.base_url), 120).values()
    embeddings = EmbeddingSettings(adapter="tei", model="tiny", base_url=server.base_url)
    request_of = {
        f"question {n}": embeddings.request(f"question {n}") if what else request
        for n, request in enumerate(chat)
    }
    asked_though_kept = []

    def answer(request, body) -> Response:
        now = body["inputs"] if what else [body["messages"][-1]["content"]]
        asked_though_kept.extend(question for question in now if store.has(request_of[question]))
        return slow(request, body)

    server.answer = answer
    for _ in range(4):
        jobs = [start(server, store, 120, *what) for _ in range(2)]
        for job in jobs:
            enough = len(server.bodies) + draw.randrange(1, 4 if what else 12)
            wait_until(lambda enough=enough: len(server.bodies) >= enough)
            job.kill()
            job.communicate()
    assert sum(map(store.has, request_of.values())) < 120, "the kills came too late"
    jobs = [start(server, store, 120, *what) for _ in range(2)]
    said = [job.communicate(timeout=60)[1] for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0], said
    assert asked_though_kept == []
    assert all(map(store.has, request_of.values()))
    verify(store)  # a job killed between the answer and its lock's end leaves the lock
    assert not list(store.folder.rglob("*.lock"))


def test_whole_runs_that_are_killed_and_two_at_once_ask_no_kept_question_again(
    study: Path, tmp_path: Path, server: Scripted, store: Store
):
    """The server looks into the store at every request.

    A workflow is killed three times, then two run at once.
    """
    file_of, asked_though_kept = {}, []

    def answer(request, body) -> Response:
        key = request_key(
            {"adapter": "openai-chat", "base_url": server.base_url, "body": body, "pass": 0}
        )
        if file_of.setdefault(key, store.path(key)).exists():
            asked_though_kept.append(key)
        time.sleep(0.1)
        return as_json(completion("3, 1, 2"))

    server.answer = answer
    rerankers = {"counted": {"llm": "counting", "prompt": "numbered"}}
    counting = {
        "adapter": "openai-chat",
        "base_url": server.base_url,
        "model": "tiny",
        "concurrency": 2,
        "first_wait_s": 0.01,
    }
    edit_config(
        study,
        {
            "llms": {"counting": counting},
            "rerankers": rerankers,
            "store": {"path": str(store.folder)},
        },
    )
    target = "results/sample/responses/counted.parquet"
    for _ in range(3):
        enough = len(server.bodies) + 5
        killed = subprocess.Popen(
            [*SNAKEMAKE, "--cores", "1", "--nolock", target],
            cwd=study,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_until(lambda enough=enough: len(server.bodies) >= enough, limit_s=120)
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
    time.sleep(0.5)  # what the server still had in hand
    n_kept = sum(1 for _ in store.paths())
    assert 0 < n_kept < 30
    shutil.copytree(study, tmp_path / "other", symlinks=True)
    both = [
        subprocess.Popen(
            [*SNAKEMAKE, "--cores", "1", "--rerun-incomplete", "--nolock", target],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for folder in (study, tmp_path / "other")
    ]
    before = len(server.bodies)
    said = [one.communicate(timeout=300)[0] for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    assert asked_though_kept == []
    assert len(server.bodies) - before == 30 - n_kept
    assert len(file_of) == 30
    assert all(path.exists() for path in file_of.values()), (
        "the server knows the questions by the store's own names"
    )
    assert (study / target).read_bytes() == (tmp_path / "other" / target).read_bytes()


def test_what_another_job_failed_to_get_is_asked(
    server: Scripted, store: Store, service: Service, settings: ChatSettings
):
    hold = threading.Event()
    server.answer = lambda request, body: (
        as_json(completion()) if hold.is_set() else hold.wait(30) and as_json({"error": "no"}, 404)
    )
    with ThreadPoolExecutor(1) as jobs:
        failing = jobs.submit(ask_chat, questions(settings, 2), service, store)
        wait_until(lambda: len(server.bodies) == 2)
        timer = threading.Timer(0.3, hold.set)
        timer.start()
        assert len(ask_chat(questions(settings, 2), service, Store(store.folder))) == 2
        with pytest.raises(StudyError, match="404"):
            failing.result(timeout=10)
    assert len(server.bodies) == 4


def test_a_file_system_without_locks_is_said_once_and_everything_is_asked(
    server, store, service, settings, monkeypatch, caplog
):
    def refused(*_):
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr("fcntl.flock", refused)
    assert len(ask_chat(questions(settings, 12), service, store)) == 12
    assert (
        caplog.text.count(
            "has no locks: jobs at the same time may ask, and pay for, the same question twice"
        )
        == 1
    )


def test_a_store_that_cannot_be_written_is_told_before_anybody_is_asked(
    server, store, service, settings, monkeypatch
):
    store.folder.mkdir(parents=True)
    wanted = os.open

    def read_only(path, flags, *rest, **more):
        if flags & os.O_CREAT:
            raise OSError(errno.EROFS, "Read-only file system", str(path))
        return wanted(path, flags, *rest, **more)

    monkeypatch.setattr("os.open", read_only)
    with pytest.raises(
        StudyError,
        match=r"\.lock: cannot be written \(Read-only file system\); "
        r"mend the folder's rights or its disk",
    ):
        ask_chat(questions(settings, 2), service, store)
    assert server.bodies == []


def test_a_lock_whose_file_its_holder_has_deleted_is_not_held(
    server: Scripted, store: Store, service: Service, settings: ChatSettings
):
    """Between opening a lock and getting it, the holder may have answered, deleted it and gone."""
    (request,) = questions(settings, 1).values()
    lock = lock_of(store, request_key(request))
    server.answer = slow
    with ThreadPoolExecutor(8) as jobs:
        done = [
            jobs.submit(ask_chat, questions(settings, 1), service, Store(store.folder))
            for _ in range(8)
        ]
        assert all(len(one.result(timeout=30)) == 1 for one in done)
    assert len(server.bodies) == 1
    assert not lock.exists()
