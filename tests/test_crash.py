"""A run killed anywhere, and two runs at once: the files end as those of an unbroken run."""

import os
import random
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from commandline import REPORT, SNAKEMAKE, SOME_DAY, contents, edit_config, forget_report, run

JOB_DONE = re.compile(r"^Finished jobid:", re.MULTILINE)
JOBS = 21  # of the small study, the sample's making included


def begin(folder: Path, *arguments: str) -> tuple[subprocess.Popen, Path]:
    """Start a run in a session of its own; gives the process and the file with its output."""
    output = folder / f"output-{time.monotonic_ns()}.txt"
    with output.open("w") as file:
        process = subprocess.Popen(
            [*SNAKEMAKE, "--cores", "2", *arguments, REPORT],
            cwd=folder,
            env={**SOME_DAY, **os.environ},
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return process, output


def family(folder: Path) -> list[int]:
    """Every living process whose working directory is `folder`."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if (
                entry.name.isdigit()
                and os.readlink(entry / "cwd") == str(folder)
                and "Z (zombie)" not in (entry / "status").read_text()
            ):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def jobs_at_work(members: list[int]) -> set[str]:
    """The rules whose scripts these processes run."""
    found = set()
    for member in members:
        try:
            found.update(
                re.findall(
                    r"\.snakemake/scripts/\w+\.(\w+)\.py",
                    Path(f"/proc/{member}/cmdline").read_text(),
                )
            )
        except OSError:
            continue
    return found


def kill_all(process: subprocess.Popen, folder: Path) -> tuple[int, set[str]]:
    """kill -9 of the whole tree; gives how many processes lived and which rules were at work."""
    end = time.monotonic() + 30
    first = family(folder)
    at_work = jobs_at_work(first)
    members = first
    while members:
        assert time.monotonic() < end, f"processes {members} outlive their killing"
        for member in members:
            try:
                os.kill(member, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.05)
        members = family(folder)
    process.wait()
    return len(first), at_work


def kept_answers(folder: Path) -> dict[str, tuple[int, int]]:
    """Each file of the response store, with what changes if it is written again."""
    return {
        path.name: (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in (folder / "resources/store").glob("??/*.jsonl")
    }


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(1, 11))]
)
def test_kills_at_random_moments_change_no_byte_and_lose_no_answer(
    study: Path, seed: int, capsys: pytest.CaptureFixture
) -> None:
    expected = contents(study)
    answers = len(kept_answers(study))
    for made in ("results", "resources/sample", "resources/store"):
        shutil.rmtree(study / made)
    moments = random.Random(seed)
    done, before, hit = 0, {}, []
    for when in sorted(moments.uniform(0, 0.85 * JOBS) for _ in range(4)):
        run(study, "--unlock")
        process, output = begin(study)
        _wait_for_jobs(process, output, int(when) - done, limit_s=300)
        _wait_for_jobs(process, output, int(when) - done + 1, limit_s=(when % 1) * 4, must=False)
        lived, at_work = kill_all(process, study)
        assert lived > 0, f"nothing lived that a kill could have hit: {output.read_text()}"
        hit.append(at_work)
        done += _jobs_done(output)
        now = kept_answers(study)
        assert before.items() <= now.items(), "a kept answer was written again"
        before = now
    with capsys.disabled():
        print(
            f" {len(hit)} kills, {sum(map(bool, hit))} of them while jobs were at work: "
            f"{', '.join(sorted(set().union(*hit)))}; ",
            end="",
        )
    stopped = run(study, REPORT)
    if stopped.returncode:  # unless the last kill came before the folder was locked
        assert "--unlock" in stopped.stdout
        assert run(study, "--unlock").returncode == 0
    finished = run(study, REPORT)
    assert finished.returncode == 0, finished.stdout
    found = contents(study)
    assert [name for name in expected | found if expected.get(name) != found.get(name)] == []
    assert before.items() <= kept_answers(study).items()
    assert len(kept_answers(study)) == answers


def _jobs_done(output: Path) -> int:
    return len(JOB_DONE.findall(output.read_text()))


def _wait_for_jobs(
    process: subprocess.Popen, output: Path, number: int, limit_s: float, must: bool = True
) -> None:
    """Wait until so many jobs are done, or the process or the time ends."""
    end = time.monotonic() + limit_s
    while _jobs_done(output) < number and process.poll() is None:
        if time.monotonic() > end:
            assert not must, output.read_text()
            return
        time.sleep(0.05)


def test_a_second_run_in_the_same_folder_says_why_it_stops_and_harms_nothing(study: Path) -> None:
    expected = contents(study)
    for name in ("nfm", "subset"):
        shutil.rmtree(study / "results/sample" / name)
    forget_report(study)
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
    forget_report(study)
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
