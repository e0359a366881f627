"""Default training and ranking at the size of MicroLens-100k, through the workflow.

    python benchmarks/whole_training.py [--users 100000] [--cores 2] [--json PATH]

The data are synthetic (microlens_like.py): only time and memory mean anything, not the lists. Valid
may say at any half epoch that training is over; here it goes on to the last that the recipe allows.
"""

import argparse
import csv
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import microlens_like
import yaml

ROOT = Path(__file__).parent.parent
RULES = ("train_nfm", "refit_nfm", "recommend_top_k")
MUST_S, AIM_S, MUST_MB = 240, 180, 2000


def copy_workflow(folder: Path) -> None:
    """What git would commit, so that no result of ours is touched."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if name.split("/")[0] in (
            "Snakefile",
            "workflow",
            "config",
            "envs",
            "profiles",
            "resources",
        ):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def measure(folder: Path, users: int, cores: int) -> list[dict[str, Any]]:
    """One row for each rule and one for all of them, from Snakemake's benchmark files."""
    copy_workflow(folder)
    (folder / "raw").mkdir()
    microlens_like.make(folder / "raw", users)
    data = {
        "dataset": "big",
        "datasets": {"big": {"pairs": "raw/pairs.tsv", "titles": "raw/titles.csv"}},
        "nfm": {"recipes": {"sampled": {"patience": 1000}}},
    }
    (folder / "big.yaml").write_text(yaml.safe_dump(data))
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--cores",
        str(cores),
        "--configfile",
        "big.yaml",
        "--",
    ]
    subprocess.run([*command, "results/big/splits/train.parquet"], cwd=folder, check=True)
    began = time.monotonic()
    subprocess.run([*command, "results/big/nfm/recommendations.parquet"], cwd=folder, check=True)
    wall = time.monotonic() - began
    rows = []
    for rule in RULES:
        (path,) = (folder / "results/big/benchmarks").rglob(f"{rule}.tsv")
        with open(path, newline="") as file:
            told = next(csv.DictReader(file, delimiter="\t"))
        note = f"{float(told['s']):.0f} s, {float(told['cpu_time']):.0f} CPU-s"
        rows.append(
            {"what": f"{rule}, {users:,} users", "memory_mb": float(told["max_rss"]), "note": note}
        )
    note = (
        f"{wall:.0f} s with {cores} cores, start-up and all "
        f"(must {MUST_S} s and {MUST_MB:,} MB, aim {AIM_S} s)"
    )
    peak = max(row["memory_mb"] for row in rows)
    return [
        *rows,
        {
            "what": f"default training and ranking, {users:,} users",
            "memory_mb": peak,
            "note": note,
            "seconds": round(wall, 1),
        },
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--users", type=int, default=microlens_like.USERS)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder), chosen.users, chosen.cores)
    for row in rows:
        print(f"{row['what']}: {row['note']}, peak {row['memory_mb']:,.0f} MB")
    if chosen.json:
        chosen.json.write_text(json.dumps(rows) + "\n")


if __name__ == "__main__":
    main()
