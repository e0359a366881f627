"""The sample study through real SLURM daemons and the shipped profile.

A job is killed half way and a node is lost; the bytes are those of a local run.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from commandline import (
    REPORT,
    ROOT,
    SMALL,
    SNAKEMAKE,
    SOME_DAY,
    contents,
    copy_repository,
    edit_config,
    run,
)

pytestmark = pytest.mark.slurm
PACKAGES = ["slurmctld", "slurmd", "slurm-client", "munge"]
PROFILE = yaml.safe_load((ROOT / "profiles/slurm/profile.yaml").read_text())
# As the small study, with a training and a refit long enough to be met half way.
LONG = {"max_half_epochs": 8, "patience": 8, "refit_passes": 200}
STUDY = SMALL | {"nfm": {"recipes": {"sampled": LONG}}}


class Asked(NamedTuple):
    """What SLURM was asked for a job: megabytes, minutes, processors, and where it runs."""

    job: str
    rule: str
    memory_mb: int
    minutes: int
    cpus: int
    node: str


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Path]:
    if not all(map(shutil.which, ("slurmctld", "slurmd", "sbatch", "munged"))) or os.geteuid() != 0:
        pytest.fail(
            "this test starts a SLURM of its own: as root, "
            f"apt-get install --no-install-recommends {' '.join(PACKAGES)}"
        )
    script, folder = str(ROOT / "tests/slurm/cluster.sh"), tmp_path / "cluster"
    try:
        subprocess.run([script, "up", str(folder)], check=True, timeout=60)
        yield folder
    finally:
        subprocess.run([script, "down", str(folder)], check=True, timeout=60)


def test_the_study_on_slurm_survives_a_killed_job_and_a_lost_node_with_the_local_bytes(
    cluster: Path, tmp_path: Path
) -> None:
    folders = [tmp_path / name for name in ("here", "there")]
    for folder in folders:
        folder.mkdir()
        copy_repository(folder)
        edit_config(folder, STUDY)
    local = run(folders[0], REPORT)
    assert local.returncode == 0, local.stdout

    study, output = folders[1], tmp_path / "slurm.txt"
    with output.open("w") as file:
        process = subprocess.Popen(
            [*SNAKEMAKE, REPORT, "--profile", "profiles/slurm"],
            cwd=study,
            env={**SOME_DAY, **os.environ},
            stdout=file,
            stderr=file,
        )

    def wait_for(log: str, text: str) -> None:
        _wait(
            lambda: text in _text(study / f"results/sample/logs/{log}.log"),
            process,
            output,
            f"'{text}' in {log}.log",
        )

    try:
        wait_for("train_nfm", "half epoch 1 of")
        assert _kill(_running_script("train_nfm", study)) > 0, (
            "the training lived when it was killed"
        )
        wait_for("train_nfm", "going on after half epoch")
        wait_for("refit_nfm", "half epoch 1 of")
        lost = next(job for job in asked("RUNNING") if job.rule == "refit_nfm")
        _lose_node(cluster, lost.node)
        wait_for("refit_nfm", "going on after half epoch")
        assert process.wait(timeout=900) == 0, output.read_text()
    finally:
        process.kill()

    states = subprocess.run(
        ["sinfo", "--noheader", "-N", "-o", "%N %T"], capture_output=True, text=True, check=True
    ).stdout
    assert re.search(rf"{lost.node} down", states), states
    assert output.read_text().count("Trying to restart job") == 1, (
        "the killed one; the lost one is SLURM's to repeat"
    )
    assert contents(study) == contents(folders[0])

    jobs = asked("all")
    assert {job.rule for job in jobs} >= {
        "make_sample",
        "split_interactions",
        "train_nfm",
        "query_llm",
        "write_report",
    }
    assert [
        job
        for job in jobs
        if (job.memory_mb, job.minutes) != _in_profile(job.rule, 1) and job.rule != "train_nfm"
    ] == []
    assert sorted((job.memory_mb, job.minutes) for job in jobs if job.rule == "train_nfm") == [
        _in_profile("train_nfm", n) for n in (1, 2)
    ]
    assert {job.rule for job in jobs if job.cpus == 2} == {
        "train_nfm",
        "refit_nfm",
        "recommend_top_k",
        "embed_titles",
    }


def asked(states: str) -> list[Asked]:
    """The jobs in these states, finished ones too."""
    form = "%i|%k|%m|%l|%C|%N"
    lines = subprocess.run(
        ["squeue", "--noheader", f"--states={states}", "-o", form],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = []
    for job, comment, memory, limit, cpus, node in (line.split("|") for line in lines.splitlines()):
        parts = [int(part) for part in limit.split(":")]
        minutes = sum(part * 60**i for i, part in enumerate(reversed(parts))) // 60
        memory_mb = int(float(memory.rstrip("MG")) * (1024 if memory.endswith("G") else 1))
        found.append(
            Asked(
                job,
                re.sub(r"_wildcards_.*", "", comment).removeprefix("rule_"),
                memory_mb,
                minutes,
                int(cpus),
                node,
            )
        )
    return found


def _in_profile(rule: str, attempt: int) -> tuple[int, int]:
    """Megabytes and minutes that the shipped profile says of the rule, at this attempt."""
    settings = PROFILE["default-resources"] | PROFILE["set-resources"].get(rule, {})
    memory_mb, minutes = (
        eval(str(settings[key]), {"attempt": attempt}) for key in ("mem_mb", "runtime")
    )
    return memory_mb, minutes


def _wait(happened: Callable[[], bool], process: subprocess.Popen, output: Path, what: str) -> None:
    end = time.monotonic() + 400
    while not happened():
        assert process.poll() is None, output.read_text()
        assert time.monotonic() < end, f"{what} did not appear: {output.read_text()}"
        time.sleep(0.02)


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _processes(matches: Callable[[str, str], bool]) -> list[int]:
    """Those whose command line and environment match."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                texts = [
                    (entry / name).read_bytes().decode(errors="replace")
                    for name in ("cmdline", "environ")
                ]
            except OSError:
                continue
            if matches(*texts):
                found.append(int(entry.name))
    return found


def _running_script(rule: str, folder: Path) -> list[int]:
    return _processes(lambda command, _: f".{rule}.py" in command and str(folder) in command)


def _kill(processes: list[int]) -> int:
    """kill -9, without warning; says how many there were."""
    for process in processes:
        os.kill(process, signal.SIGKILL)
    return len(processes)


def _lose_node(cluster: Path, node: str) -> None:
    """Kill, without warning, the node's daemon and all that runs there, as a power cut would."""
    steps = tuple(f"slurmstepd: [{job.job}." for job in asked("RUNNING") if job.node == node)
    daemon = int((cluster / f"run/slurmd-{node}.pid").read_text())
    assert (
        _kill(
            [
                daemon,
                *_processes(
                    lambda command, env: (
                        f"SLURMD_NODENAME={node}\0" in env or command.startswith(steps)
                    )
                ),
            ]
        )
        > 3
    )
