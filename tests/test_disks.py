"""Disks that are full, read-only or damaged: one clear line, nothing good lost, then healed."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml
from commandline import REPORT, ROOT, contents, forget_report, run
from microrank import tables
from microrank.errors import StudyError
from microrank.evaluation.metrics_file import write_metrics
from microrank.files import write_text
from microrank.nfm.checkpoint import save_model
from microrank.nfm.settings import Recipe


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """A mount at `folder`; the test is skipped where mounting is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["mount", *options, str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"mounting is not allowed here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def study(study: Path) -> Path:
    """The finished study without its report."""
    forget_report(study)
    return study


pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root may mount the small disks of these tests"
)


def refused(folder: Path, said: str) -> None:
    """A run that must fail, and say so in one line of its own, without a traceback."""
    failed = run(folder, REPORT)
    assert failed.returncode != 0
    lines = [line for line in failed.stdout.splitlines() if said in line]
    assert lines, failed.stdout
    assert "Traceback" not in failed.stdout, failed.stdout
    assert "defect in microrank" not in failed.stdout, failed.stdout


def healed(folder: Path, expected: dict[str, bytes], whole: bool = True) -> None:
    """A run that ends with the same files.

    Not `whole`: what was deleted may stay away where all that was made of it is there.
    """
    done = run(folder, REPORT)
    assert done.returncode == 0, done.stdout
    found = contents(folder)
    assert {REPORT, "results/report.html", "results/sample/metrics.csv"} <= found.keys()
    assert [
        name for name in expected if (whole or name in found) and expected[name] != found.get(name)
    ] == []


def test_a_full_disk_is_said_and_a_larger_one_heals(study: Path, tmp_path: Path) -> None:
    expected = contents(study)
    rankings = study / "results/sample/rankings"
    shutil.rmtree(rankings)
    with mounted(rankings, "-t", "tmpfs", "-o", "size=16k", "tmpfs"):
        refused(study, "No space left")
        assert all(
            path.stat().st_size == 0 or path.suffix != ".parquet" or readable(path)
            for path in rankings.iterdir()
        )
    healed(study, expected)


def test_a_full_store_loses_no_answer_and_goes_on_where_there_is_room(study: Path) -> None:
    expected = contents(study)
    store = study / "resources/store"
    shutil.rmtree(store)
    shutil.rmtree(study / "results/sample/responses")
    with mounted(store, "-t", "tmpfs", "-o", "size=96k", "tmpfs"):
        refused(study, "the answer cannot be kept")
        kept = list(store.glob("??/*.jsonl"))
        assert kept, "what fitted is kept"
        assert all(len(path.read_bytes().splitlines()) == 3 for path in kept)
    healed(study, expected)


def test_a_read_only_store_is_said_and_answers_what_it_holds(study: Path) -> None:
    expected = contents(study)
    store, responses = study / "resources/store", study / "results/sample/responses"
    shutil.rmtree(responses)
    with mounted(store, "--bind", "-o", "ro", str(store)):
        healed(study, expected)
        forget_report(study)
        shutil.rmtree(responses)
    kept = {path: path.read_bytes() for path in store.glob("??/*.jsonl")}
    for path in list(kept)[::7]:
        path.unlink()
        del kept[path]
    with mounted(store, "--bind", "-o", "ro", str(store)):
        refused(
            study,
            "cannot be written (Read-only file system); "
            "mend the folder's rights or its disk, then run again",
        )
        assert {path: path.read_bytes() for path in store.glob("??/*.jsonl")} == kept
    healed(study, expected)


def test_a_disk_that_fills_during_training_is_said_and_the_training_goes_on_where_there_is_room(
    study: Path,
) -> None:
    expected = contents(study)
    shutil.rmtree(study / "results/sample/nfm")
    with mounted(study / "results/sample/nfm", "-t", "tmpfs", "-o", "size=1m", "tmpfs"):
        refused(study, "cannot be written (No space left on device); make room and run again")
        (state,) = (study / "results/sample/nfm/training").iterdir()
        subprocess.run(
            ["mount", "-o", "remount,size=64m", str(study / "results/sample/nfm")], check=True
        )
        healed(study, expected)
        assert (
            "going on after half epoch" in (study / "results/sample/logs/train_nfm.log").read_text()
        )
        assert not state.exists()


def test_read_only_results_are_said_and_left_as_they_were(study: Path) -> None:
    expected = contents(study)
    (study / "results/sample/metrics.csv").unlink()
    results = study / "results"
    with mounted(results, "--bind", "-o", "ro", str(results)):
        failed = run(study, REPORT)
        assert failed.returncode != 0
        assert "Write-protected output files" in failed.stdout
        assert "Traceback" not in failed.stdout
        assert contents(study) == {
            name: data for name, data in expected.items() if not name.endswith("sample/metrics.csv")
        }
    healed(study, expected)


def readable(path: Path) -> bool:
    return path.read_bytes()[-4:] == b"PAR1"


def test_a_disk_that_fills_while_a_file_is_written_leaves_the_old_file_and_nothing_else(
    tmp_path: Path,
) -> None:
    rows = pa.table(
        {
            name: pa.array(np.random.default_rng(0).permutation(50_000))
            for name in tables.SPLIT.names
        }
    )
    recipe = Recipe.from_config(
        yaml.safe_load((ROOT / "config/config.yaml").read_text())["nfm"]["recipes"]["sampled"]
    )
    writers = {
        "table.parquet": lambda path: tables.write_table(rows, path, tables.SPLIT),
        "model.safetensors": lambda path: save_model(path, recipe.new_model(5000), recipe),
        "text.md": lambda path: write_text(path, "x" * 200_000),
        "table.csv": lambda path: write_metrics(
            pa.table({"user_id": range(50_000)}), path, pa.schema([("user_id", pa.int64())])
        ),
    }
    disk = tmp_path / "disk"
    with mounted(disk, "-t", "tmpfs", "-o", "size=64k", "tmpfs"):
        for name, write in writers.items():
            (disk / name).write_text("old")
            with pytest.raises(
                StudyError,
                match=rf"{name}: cannot be written \(.*No space left on device.*\); "
                "make room and run again",
            ) as error:
                write(disk / name)
            assert "\n" not in str(error.value)
            assert {path.name: path.read_text() for path in disk.iterdir()} == {name: "old"}
            (disk / name).unlink()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("results/sample/metrics.csv", "not a complete table"),
        ("results/sample/rankings/minilm.parquet", "not a complete parquet file"),
        ("results/sample/nfm/model.safetensors", "not a complete checkpoint"),
        ("results/sample/nfm/refitted.safetensors", "not a complete checkpoint"),
        ("results/sample/nfm/metrics.json", "not a complete JSON file"),
        ("results/sample/figures/flow.svg", "not a complete figure"),
    ],
)
def test_a_cut_file_is_named_and_deleting_it_heals(study: Path, name: str, said: str) -> None:
    expected = contents(study)
    path = study / name
    data = path.read_bytes()
    cut = (
        data[: len(data) // 2]
        if path.suffix != ".csv"
        else data[: data.index(b"\n", len(data) // 2) + 1]
    )  # a csv at the end of a row
    path.write_bytes(cut)
    refused(study, said)
    assert path.read_bytes() == cut
    path.unlink()
    healed(study, expected, whole=False)


def test_a_cut_answer_is_set_aside_and_asked_again(study: Path) -> None:
    expected = contents(study)
    shutil.rmtree(study / "results/sample/responses")
    path = min((study / "resources/store").glob("??/*.jsonl"))
    path.write_bytes(path.read_bytes()[:-10])
    healed(study, expected)
    assert list(path.parent.glob("*.damaged"))


@pytest.mark.soak
def test_whatever_file_is_cut_the_run_says_so_or_makes_it_anew(study: Path) -> None:
    expected = contents(study)
    for number, (name, data) in enumerate(expected.items()):
        path = study / name
        path.write_bytes(data[: len(data) // 2 * (number % 2)])
        ended = run(study, REPORT)
        if ended.returncode:
            assert any(
                path.name in line and "complete" in line for line in ended.stdout.splitlines()
            ), ended.stdout
            assert "defect in microrank" not in ended.stdout, ended.stdout
            assert "Traceback" not in ended.stdout, ended.stdout
            path.unlink()
        healed(study, expected, whole=False)
        path.write_bytes(data)
        forget_report(study)
