"""The workflow's real command line in copies of the repository, for the tests of whole runs."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
SNAKEMAKE = [sys.executable, "-m", "snakemake"]
REPORT = "results/report.md"
SOME_DAY = {"SOURCE_DATE_EPOCH": "1780000000"}  # seconds since 1970: the same bytes every day

# The whole study, smaller and with a simulated model: it runs in seconds, and needs no download.
SMALL = {
    "datasets": {
        "sample": {
            "synthetic": {"users": 3000, "items": 400, "topics": 8},
            "sample_size": None,
        }
    },
    "subset": {"sample_size": 30},
    "nfm": {"recipes": {"sampled": {"max_half_epochs": 2}}},
    "methods": [
        *("minilm", "minilm-mean", "simulated-study", "simulated-numbered"),
        *("popularity", "bm25", "item-knn"),
    ],
}


def run(
    folder: Path,
    *arguments: str,
    cores: int = 2,
    env: dict[str, str] | None = None,
    timeout_s: int = 600,
    umask: int = -1,
) -> subprocess.CompletedProcess:
    """Run snakemake in `folder`; its output, both streams in one, is the result's stdout."""
    return subprocess.run(
        [*SNAKEMAKE, "--cores", str(cores), *arguments],
        cwd=folder,
        env={**SOME_DAY, **os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout_s,
        umask=umask,
        check=False,
    )


def forget_report(study: Path) -> None:
    """Delete the sample's report, in its own folder and above it.

    Snakemake looks into what lies before a target only where the target is to be made.
    """
    for report in (REPORT, "results/sample/report.md"):
        (study / report).unlink()


def planned_jobs(folder: Path, *arguments: str) -> Counter:
    """How many jobs of each rule a dry run plans."""
    output = run(folder, "-n", REPORT, *arguments)
    assert output.returncode == 0, output.stdout
    if "Nothing to be done" in output.stdout:
        return Counter()
    table = output.stdout.split("Job stats:")[1].split("total")[0]
    return Counter(
        {name: int(count) for name, count in re.findall(r"^(\w+)\s+(\d+)\s*$", table, re.MULTILINE)}
    )


def edit_config(folder: Path, change: dict) -> None:
    """Lay `change` over the copy's config.yaml, key by key."""
    path = folder / "config/config.yaml"
    path.write_text(
        yaml.safe_dump(_merged(yaml.safe_load(path.read_text()), change), sort_keys=False)
    )


def _merged(base: dict, change: dict) -> dict:
    return base | {
        key: _merged(base.get(key, {}), value) if isinstance(value, dict) else value
        for key, value in change.items()
    }


def copy_repository(target: Path) -> Path:
    """What git would commit, as it lies in the working tree."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file() and not name.startswith(("tests/", "benchmarks/")):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


def contents(study: Path) -> dict[str, bytes]:
    """The bytes of what a study leaves for its readers: tables, figures, reports; no logs."""
    files = (path for path in sorted((study / "results").rglob("*")) if path.is_file())
    kept = (
        path for path in files if not {"logs", "benchmarks"} & set(path.relative_to(study).parts)
    )
    return {str(path.relative_to(study)): path.read_bytes() for path in kept}
