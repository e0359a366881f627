"""A training that several processes share is that of one."""

import csv
import errno
import json
import logging
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from microrank import tables
from microrank.errors import StudyError
from microrank.nfm.checkpoint import load_model
from microrank.nfm.chunks import Chunks
from microrank.nfm.histories import gather_histories
from microrank.nfm.torchrun import train_by_torchrun
from microrank.nfm.training_job import TrainingJob, train_from_files
from nfm.test_loss import LAYERS, PAIRS, plain_loss
from nfm.test_train import RECIPE, two_worlds
from nfm.together import Setting, batch_and_model, step_of_processes

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def splits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("splits")
    train, valid, items, _ = two_worlds()
    for name, table, schema in (
        ("train", train, tables.SPLIT),
        ("valid", valid, tables.SPLIT),
        ("items", items, tables.ITEMS),
    ):
        tables.write_table(table, folder / f"{name}.parquet", schema)
    return folder


def job(splits: Path, folder: Path, **changes: object) -> TrainingJob:
    folder.mkdir(exist_ok=True)
    paths = {
        name: str(splits / f"{file}.parquet")
        for name, file in (("train", "train"), ("valid", "valid"), ("catalogue", "items"))
    }
    recipe = asdict(replace(RECIPE, max_half_epochs=3, batch_size=33))
    made = TrainingJob(
        **paths,
        recipe=recipe,
        seed=1,
        device="cpu",
        threads=1,
        model=str(folder / "model.safetensors"),
        curve=str(folder / "training.csv"),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def train(job: TrainingJob, n_processes: int) -> None:
    if n_processes == 1:
        train_from_files(job)
    else:
        train_by_torchrun(job, n_processes)


def refit_after(job: TrainingJob) -> TrainingJob:
    """The job that goes on from what `job` trains."""
    refitted = str(Path(job.model).with_name("refitted.safetensors"))
    return replace(job, start=job.model, curve=None, model=refitted)


def curve(job: TrainingJob) -> np.ndarray:
    with open(job.curve, newline="") as file:
        return np.array([[float(value) for value in row.values()] for row in csv.DictReader(file)])


def test_two_processes_have_the_loss_curve_of_one_and_its_refit(
    splits: Path, tmp_path: Path
) -> None:
    jobs = [job(splits, tmp_path / name) for name in ("one", "two")]
    models = []
    for n_processes, first_job in enumerate(jobs, start=1):
        train(first_job, n_processes)
        folder = Path(first_job.model).parent
        refit = refit_after(first_job)
        train(refit, n_processes)
        models.append([load_model(path)[0].state_dict() for path in (first_job.model, refit.model)])
        assert sorted(path.name for path in folder.iterdir() if path.is_file()) == [
            "model.safetensors",
            "refitted.safetensors",
            "training.csv",
        ]
    one, two = (curve(made) for made in jobs)
    np.testing.assert_allclose(two, one, rtol=1e-5)
    for of_one, of_two in zip(*models, strict=True):
        for name, value in of_one.items():
            torch.testing.assert_close(of_two[name], value, rtol=1e-3, atol=1e-4, msg=name)
    assert not torch.equal(
        models[0][0]["items.weight"], models[0][1]["items.weight"]
    )  # a refit is another model


@pytest.mark.parametrize(
    "setting",
    [
        Setting(LAYERS, 0.0, None, False),
        Setting(PAIRS, 0.0, None, False),
        Setting(LAYERS, 0.8, 3, True),
        Setting(PAIRS, 0.8, 3, True),
    ],
)
def test_three_processes_have_the_plain_forms_loss_gradients_and_statistics_in_float64(
    tmp_path: Path, setting: Setting
) -> None:
    found = step_of_processes(tmp_path, 3, setting)
    batch, oracle = batch_and_model(setting)
    loss = plain_loss(oracle, batch)
    loss.backward()
    expected = (
        {"loss": loss.detach()}
        | {name: value.grad for name, value in oracle.named_parameters()}
        | dict(oracle.named_buffers())
    )
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-10, atol=1e-10, msg=name)


def test_two_machines_have_the_loss_curve_of_one(
    splits: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Two agents of torchrun meet on loopback.

    The second is started, as a user would, by the command that the log names.
    """
    one, two = (job(splits, tmp_path / name) for name in ("one", "two"))
    train_from_files(one)
    with (
        caplog.at_level(logging.INFO, "microrank.nfm.torchrun"),
        ThreadPoolExecutor(1) as elsewhere,
    ):
        first = elsewhere.submit(train_by_torchrun, two, 1, 2)
        while not (
            commands := re.findall(r"waiting for machine 2 of 2; start there: (.*)", caplog.text)
        ):
            assert not first.done()
            time.sleep(0.1)
        second = subprocess.run(
            commands[0],
            shell=True,
            cwd="/",
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        first.result()
    assert second.returncode == 0, second.stderr
    assert "half epoch 1 of at most 3" in caplog.text, (
        "the machine that waits tells of the training"
    )
    np.testing.assert_allclose(curve(two), curve(one), rtol=1e-5)
    assert not Path(two.model).with_suffix(".job.json").exists()


@pytest.mark.parametrize("unwritten", ["model.safetensors", "training.csv", "refitted.safetensors"])
def test_a_training_whose_end_cannot_be_written_is_not_done_again(
    splits: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    unwritten: str,
) -> None:
    unbroken, broken = job(splits, tmp_path / "unbroken"), job(splits, tmp_path / "broken")
    train_from_files(unbroken)
    if unwritten == "refitted.safetensors":
        train_from_files(broken)
        unbroken, broken = (refit_after(one) for one in (unbroken, broken))
        train_from_files(unbroken)

    def on_a_full_disk(temporary: Path, path: Path) -> None:
        if path.name == unwritten:
            raise OSError(errno.ENOSPC, "no room")
        os.replace(temporary, path)

    with monkeypatch.context() as full:
        full.setattr("microrank.files.settle", on_a_full_disk)
        with pytest.raises(
            StudyError,
            match=rf"{unwritten}: cannot be written \(No space left on device\); make room and",
        ):
            train_from_files(broken)
    assert not (tmp_path / "broken" / unwritten).exists()
    caplog.set_level("INFO")
    caplog.clear()
    train_from_files(broken)
    done = 2 * RECIPE.refit_passes if broken.start else 3
    assert [record.getMessage() for record in caplog.records] == [
        f"going on after half epoch {done} of an earlier run"
    ]
    of_unbroken, of_broken = (
        {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*") if path.is_file()}
        for name in ("unbroken", "broken")
    )
    assert of_unbroken == of_broken


JOB = """
import json, sys
from pathlib import Path
from types import SimpleNamespace
from microrank.workflow.jobs import start_job
start_job(SimpleNamespace(log=[sys.argv[1]], rule="train_nfm"))
from microrank.nfm.torchrun import train_by_torchrun
from microrank.nfm.training_job import TrainingJob, train_from_files
train_by_torchrun(TrainingJob(**json.loads(sys.argv[2])), 2)
"""


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            {"train": "absent.parquet"},
            "train_nfm: absent.parquet: no such file; run the rule that makes it",
        ),
        (
            {"threads": "two"},
            "train_nfm: nfm.processes: one of 2 processes failed (exit 1); "
            "the job's log has what it said",
        ),
    ],
)
def test_processes_that_fail_end_the_training_with_one_line(
    splits: Path, tmp_path: Path, change: dict, line: str
) -> None:
    broken, log = job(splits, tmp_path / "broken", **change), tmp_path / "log"
    failed = subprocess.run(
        [sys.executable, "-c", JOB, log, json.dumps(asdict(broken))],
        env={**os.environ, "PYTHONPATH": str(ROOT / "workflow/scripts")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert failed.returncode != 0
    assert failed.stderr.splitlines() == [line]
    assert failed.stdout == ""
    assert "ChildFailedError" in log.read_text(), "what torchrun says is in the log"
    assert list((tmp_path / "broken").iterdir()) == []


def test_a_refit_needs_the_model_that_it_goes_on_from(splits: Path, tmp_path: Path) -> None:
    one = refit_after(job(splits, tmp_path / "refit"))
    with pytest.raises(StudyError, match=r"model\.safetensors: no such file"):
        train_from_files(one)
    Path(one.start).write_text("<html>")
    with pytest.raises(StudyError, match=r"model\.safetensors: not a complete checkpoint"):
        train_from_files(one)


@pytest.mark.parametrize("past_inputs", [None, 10])
def test_the_parts_of_a_batch_are_the_batch(past_inputs: int | None) -> None:
    train, _, items, _ = two_worlds()
    chunks = Chunks.of(gather_histories([train], items), len(items), 11, past_inputs)
    batch = chunks.batch(np.arange(30, 47), np.array([3, 5]), False)
    parts = [batch.part(i, 3) for i in range(3)]
    for name in ("history", "distances", "target"):
        whole = torch.cat([getattr(part, name) for part in parts])
        assert torch.equal(whole, getattr(batch, name))
    assert {part.n_users for part in parts} == {17}
    firsts = np.cumsum([0, *(len(part.history) for part in parts)])
    rows = torch.cat(
        [part.user_items[0] + first for part, first in zip(parts, firsts[:-1], strict=True)]
    )
    assert sorted(
        zip(rows.tolist(), torch.cat([part.user_items[1] for part in parts]).tolist(), strict=True)
    ) == sorted(zip(*(values.tolist() for values in batch.user_items), strict=True))


def test_a_job_is_plain_json(splits: Path, tmp_path: Path) -> None:
    one = job(splits, tmp_path / "json")
    assert TrainingJob(**json.loads(json.dumps(asdict(one)))) == one
