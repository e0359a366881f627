"""A run that is killed anywhere, and two runs at once: the files end as those of one unbroken run."""

import os
import random
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from commandline import REPORT, SNAKEMAKE, contents, edit_config, run

JOB_DONE = re.compile(r"^Finished jobid:", re.MULTILINE)
JOBS = 20  # of the small study, about


def begin(folder: Path, *arguments: str) -> tuple[subprocess.Popen, Path]:
    """Start a run in a session of its own; gives the process and the file with its output."""
    output = folder / f"output-{time.monotonic_ns()}.txt"
    with output.open("w") as file:
        process = subprocess.Popen(
            [*SNAKEMAKE, "--cores", "2", *arguments, REPORT], cwd=folder, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
    return process, output


def family(folder: Path) -> list[int]:
    """Every living process whose working directory is `folder`."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.readlink(entry / "cwd") == str(folder) and "Z (zombie)" not in (entry / "status").read_text():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def kill_all(process: subprocess.Popen, folder: Path) -> None:
    """kill -9 of the whole tree, as a power cut would."""
    end = time.monotonic() + 30
    while members := family(folder):
        assert time.monotonic() < end, f"processes {members} outlive their killing"
        for member in members:
            try:
                os.kill(member, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.05)
    process.wait()


def kept_answers(folder: Path) -> dict[str, tuple[int, int]]:
    """Each file of the response store, with what changes if it is written again."""
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in (folder / "resources/store").glob("??/*.jsonl")}


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(1, 10))])
def test_kills_at_five_random_moments_change_no_byte_and_lose_no_answer(study: Path, seed: int) -> None:
    expected = contents(study)
    answers = len(kept_answers(study))
    shutil.rmtree(study / "results")
    shutil.rmtree(study / "resources/store")
    moments = random.Random(seed)
    done, before = 0, {}
    for when in sorted(moments.uniform(0, 0.9 * JOBS) for _ in range(5)):
        run(study, "--unlock")
        process, output = begin(study, "--rerun-incomplete")
        end = time.monotonic() + 300
        while done + len(JOB_DONE.findall(output.read_text())) < int(when) and process.poll() is None:
            assert time.monotonic() < end, output.read_text()
            time.sleep(0.05)
        time.sleep((when % 1) * 4)
        kill_all(process, study)
        done += len(JOB_DONE.findall(output.read_text()))
        now = kept_answers(study)
        assert before.items() <= now.items(), "a kept answer was written again"
        before = now
    locked = run(study, REPORT)
    if locked.returncode:
        assert "--unlock" in locked.stdout
        assert run(study, "--unlock").returncode == 0
    finished = run(study, "--rerun-incomplete", REPORT)
    assert finished.returncode == 0, finished.stdout
    found = contents(study)
    assert [name for name in expected | found if expected.get(name) != found.get(name)] == []
    assert before.items() <= kept_answers(study).items()
    assert len(kept_answers(study)) == answers


def test_a_second_run_in_the_same_folder_says_why_it_stops_and_harms_nothing(study: Path) -> None:
    expected = contents(study)
    for name in ("nfm", "subset"):
        shutil.rmtree(study / "results/sample" / name)
    (study / REPORT).unlink()
    first, output = begin(study)
    end = time.monotonic() + 120
    while "train_nfm" not in output.read_text():
        assert time.monotonic() < end
        time.sleep(0.1)
    second = run(study, REPORT)
    assert second.returncode != 0
    assert "cannot be locked" in second.stdout
    assert "Traceback" not in second.stdout
    assert first.wait(300) == 0, output.read_text()
    assert contents(study) == expected


def test_two_studies_may_fill_the_same_store_at_the_same_time(study: Path, tmp_path: Path) -> None:
    expected = contents(study)
    answers = len(kept_answers(study))
    shutil.rmtree(study / "resources/store")
    shutil.rmtree(study / "results/sample/responses")
    (study / REPORT).unlink()
    edit_config(study, {"store": {"path": str(tmp_path / "shared")}})
    other = tmp_path / "other"
    shutil.copytree(study, other, symlinks=True)
    runs = [begin(folder) for folder in (study, other)]
    for process, output in runs:
        assert process.wait(300) == 0, output.read_text()
    for folder in (study, other):
        found = contents(folder)
        assert [name for name in expected | found if expected.get(name) != found.get(name)] == []
    assert len(list((tmp_path / "shared").glob("??/*.jsonl"))) == answers
    assert not list((tmp_path / "shared").rglob("*.tmp"))
