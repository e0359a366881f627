"""The shipped profile and the real executor, with stand-ins for SLURM's commands.

Accounts, GPUs, and more memory at each attempt.
"""

import re
from pathlib import Path

import pytest
import yaml
from commandline import copy_repository, edit_config, run

pytestmark = pytest.mark.slurm
SPLITS = ("train.parquet", "valid.parquet", "items.parquet")
# Each notes its arguments in a file of its name; sbatch takes no job.
COMMANDS = {
    "sbatch": "echo 'no job is taken here' >&2; exit 1",
    "sacctmgr": "echo my-project; echo another",
    "sacct": "exit 1",
    "squeue": "",
    "sinfo": "echo 'PARTITION'; echo 'main*'",
    "scontrol": "echo 'MinJobAge = 300 sec'",
}


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A copy whose next job is the training."""
    folder = tmp_path / "study"
    folder.mkdir()
    copy_repository(folder)
    for name in SPLITS:
        (folder / "results/sample/splits").mkdir(parents=True, exist_ok=True)
        (folder / "results/sample/splits" / name).touch()
    return folder


def submitted(study: Path) -> list[str]:
    """The options of each call of sbatch, as the executor ended it, and what sacctmgr was asked."""
    for name, text in COMMANDS.items():
        path = study.parent / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'#!/bin/sh\necho "$*" >> "{study.parent}/{name}"\n{text}\n')
        path.chmod(0o755)
    waits = (
        "--slurm-init-seconds-before-status-checks",
        "1",
        "--seconds-between-status-checks",
        "1",
    )
    target = "results/sample/nfm/model.safetensors"
    failed = run(
        study,
        *(
            target,
            "--profile",
            "profiles/slurm",
            *waits,
            "--rerun-triggers",
            "mtime",
            "--allowed-rules",
            "train_nfm",
        ),
        env={"PATH": f"{study.parent / 'bin'}:/usr/bin:/bin"},
    )
    assert failed.returncode != 0
    assert (study.parent / "sbatch").exists(), failed.stdout
    return [
        line.split(" --wrap=")[0]
        for line in (study.parent / "sbatch").read_text().splitlines()
        if "--parsable" in line
    ]


def test_no_account_is_named_or_checked_and_each_attempt_asks_for_more(study: Path) -> None:
    calls = submitted(study)
    assert [re.findall(r"--mem (\d+)", call) for call in calls] == [["4000"], ["8000"], ["12000"]]
    assert [re.findall(r"-t (\d+)", call) for call in calls] == [["60"], ["120"], ["180"]]
    assert all("--cpus-per-task=2" in call and "-p main" in call for call in calls)
    assert not any(" -A " in call or "gpu" in call for call in calls)
    assert not (study.parent / "sacctmgr").exists(), (
        "an account would be checked, and refused where none are kept"
    )


def test_the_profiles_own_line_sets_an_account_which_the_executor_checks(study: Path) -> None:
    profile = study / "profiles/slurm/profile.yaml"
    profile.write_text(
        profile.read_text().replace("# slurm_account: my-project ", "slurm_account: my-project ")
    )
    assert yaml.safe_load(profile.read_text())["default-resources"]["slurm_account"] == "my-project"
    calls = submitted(study)
    assert len(calls) == 3
    assert all(" -A my-project" in call for call in calls)
    assert (study.parent / "sacctmgr").exists()


def test_a_training_on_gpus_gets_one_a_process(study: Path) -> None:
    edit_config(study, {"nfm": {"device": "cuda", "processes": 2}})
    assert all("--gpus=2" in call and "--cpus-per-task=2" in call for call in submitted(study))
