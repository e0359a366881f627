"""What an older workflow wrote goes on working: its config, its kept answers, and its bundle."""

import csv
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from commandline import ROOT, run

OLD = Path(__file__).parent / "old_study"
HERE = ("-s", str(ROOT / "Snakefile"))


def values(path: Path) -> dict[tuple[str, ...], str]:
    """The figures of metrics.csv."""
    with path.open() as file:
        rows = csv.DictReader(file)
        return {(row["method"], row["metric"], row["cutoff"]): row["value"] for row in rows}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The old study's config, raw files and lists, and its unpacked bundle."""
    folder = shutil.copytree(OLD, tmp_path / "old")
    unpack = [sys.executable, ROOT / "workflow/scripts/unpack_bundle.py", "bundle.zip"]
    subprocess.run(unpack, cwd=folder, check=True)
    return folder


def test_an_old_config_finds_its_kept_answers_and_gives_the_same_figures(old: Path) -> None:
    shutil.move(old / "bundle/answers", old / "store")
    settings = yaml.safe_load((old / "config.yaml").read_text())
    settings["store"]["offline"] = True
    (old / "config.yaml").write_text(yaml.safe_dump(settings))
    done = run(old, *HERE, cores=1)
    assert done.returncode == 0, done.stdout
    assert (
        values(old / "bundle/metrics.csv").items()
        <= values(old / "results/old/metrics.csv").items()
    )
    answers = pq.read_table(old / "results/old/responses/tiny-numbered.parquet")
    assert answers.num_rows == 2 * 12


def test_an_old_bundle_is_replayed_with_the_same_figures(old: Path) -> None:
    (old / "config.yaml").unlink()
    done = run(old, *HERE, "--configfile", "bundle/bundle.yaml", cores=1)
    assert done.returncode == 0, done.stdout
    with zipfile.ZipFile(old / "bundle.zip") as bundle:
        (old / "packed.csv").write_bytes(bundle.read("bundle/metrics.csv"))
    replayed = values(old / "results/old-bundle/metrics.csv")
    assert values(old / "packed.csv").items() <= replayed.items()
