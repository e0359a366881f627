"""How long the workflow takes to start.

A dry run of the whole study is held against an empty Snakefile with as many rules and jobs.

    python benchmarks/startup.py [--json PATH]

The two take turns and the fastest of each counts, in processor seconds. Then the start-up of one
job that needs no torch: a fresh process that imports what Snakemake puts before a script and what
the script itself imports, the slowest of them told; and what such a job takes in all. A limit that
is passed is told as missed, and without --json ends with an error.
"""

import argparse
import ast
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PARTS = ("config", "profiles", "resources/prompts", "workflow", "Snakefile", "envs")
SNAKEMAKE = [sys.executable, "-m", "snakemake", "--cores", "2"]
REPORT = "results/report.md"
LIGHT_JOB = "results/sample/splits/train.parquet"
REPEATS = 5
MUST = 1.5
MUST_S = 1.5
NEED_TORCH = {"train_nfm", "recommend_top_k", "embed_titles"}
NO_JOBS = {"store"}
PREAMBLE = (
    "import pickle\nfrom snakemake.logging import logger\n"
    "from snakemake.iocontainers import Snakemake\n"
)


def processor_seconds(command: list[str], folder: Path, env: dict[str, str] | None = None) -> float:
    """Of a process and its children."""
    before = os.times()
    subprocess.run(
        command,
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **(env or {})},
    )
    after = os.times()
    return (
        after.children_user + after.children_system - before.children_user - before.children_system
    )


def make_study(folder: Path) -> None:
    """The workflow in a folder of its own, so that what lies in results/ does not matter."""
    for part in PARTS:
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        (folder / part).symlink_to(ROOT / part)


def planned_jobs(folder: Path, target: str) -> int:
    """How many jobs a dry run plans."""
    printed = subprocess.run(
        [*SNAKEMAKE, "-n", target], cwd=folder, check=True, capture_output=True, text=True
    )
    return int(re.findall(r"^total\s+(\d+)", printed.stdout + printed.stderr, re.MULTILINE)[0])


def make_empty_workflow(folder: Path, rules: int, jobs: int) -> None:
    """`rules` rules without anything else; `jobs` of them are a chain that the target needs."""
    text = ""
    for i in range(rules):
        source = f'    input: "out.{i + 1}"\n' if i + 1 < jobs else ""
        text += f'rule r{i}:\n{source}    output: "out.{i}"\n    shell: "touch {{output}}"\n'
    folder.mkdir()
    (folder / "Snakefile").write_text(text)
    # The same rerun triggers as the workflow's own profile.
    (folder / "profiles").symlink_to(ROOT / "profiles")


def imports_of(script: Path) -> str:
    """The import statements of a script, without the job that they serve."""
    tree = ast.parse(script.read_text())
    return "\n".join(
        ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)
    )


def dry_run(folder: Path) -> dict[str, Any]:
    """The dry run of the study against an empty workflow as large."""
    texts = [path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk")]
    rules = 1 + sum(
        line.startswith(("rule ", "use rule ")) for text in texts for line in text.splitlines()
    )  # and `all`
    study, empty = folder / "study", folder / "empty"
    make_study(study)
    jobs = planned_jobs(study, REPORT)
    make_empty_workflow(empty, rules, jobs)
    assert planned_jobs(empty, "out.0") == jobs
    pairs = [
        (
            processor_seconds([*SNAKEMAKE, "-n", REPORT], study),
            processor_seconds([*SNAKEMAKE, "-n", "out.0"], empty),
        )
        for _ in range(REPEATS)
    ]
    ours, theirs = map(min, zip(*pairs, strict=True))
    note = (
        f"dry run {ours:.2f} s, empty Snakefile of {rules} rules, {jobs} jobs planned too, "
        f"{theirs:.2f} s; at most {MUST} times: "
    )
    what = "start-up: snakemake -n of the study ÷ an empty workflow"
    return {
        "what": what,
        "against": "an empty Snakefile",
        "ratio": ours / theirs,
        "must": MUST,
        "note": note + verdict(ours / theirs, MUST),
    }


def imports() -> dict[str, Any]:
    """The slowest start of a script's process among the rules that need no torch."""
    env = {"PYTHONPATH": str(ROOT / "workflow/scripts"), "OMP_NUM_THREADS": "1"}
    seconds = {}
    for rule in sorted(
        {path.stem for path in (ROOT / "workflow/scripts").glob("*.py")} - NEED_TORCH - NO_JOBS
    ):
        code = PREAMBLE + imports_of(ROOT / f"workflow/scripts/{rule}.py")
        seconds[rule] = min(
            processor_seconds([sys.executable, "-c", code], ROOT, env) for _ in range(3)
        )
    slowest = max(seconds, key=lambda rule: seconds[rule])
    note = (
        f"{slowest} {seconds[slowest]:.2f} s of {len(seconds)} rules; "
        f"at most {MUST_S} s: {verdict(seconds[slowest], MUST_S)}"
    )
    return {
        "what": "start-up of a job without torch, slowest",
        "note": note,
        "seconds": round(seconds[slowest], 2),
    }


def whole_job(folder: Path) -> dict[str, Any]:
    """What a light job adds to its dry run: its process, its work, and Snakemake's for it."""
    study = folder / "study"
    (study / "small.yaml").write_text(
        "datasets: {sample: {synthetic: {users: 100, items: 100, topics: 2}}}\n"
    )
    small = ["--configfile", "small.yaml"]
    subprocess.run([*SNAKEMAKE, LIGHT_JOB, *small], cwd=study, check=True, capture_output=True)
    job = [LIGHT_JOB, "--force", *small]
    seconds = min(
        processor_seconds([*SNAKEMAKE, *job], study)
        - processor_seconds([*SNAKEMAKE, "-n", *job], study)
        for _ in range(3)
    )
    note = (
        f"split_interactions of 100 users {seconds:.2f} s; "
        f"at most {MUST_S} s: {verdict(seconds, MUST_S)}"
    )
    return {
        "what": "a whole job without torch, beyond the dry run",
        "note": note,
        "seconds": round(seconds, 2),
    }


def verdict(value: float, limit: float) -> str:
    return "met" if value <= limit else "missed"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        rows = [dry_run(Path(name)), imports(), whole_job(Path(name))]
    for row in rows:
        print(
            f"{row['what']}: {row['note']}"
            + (f"; ratio {row['ratio']:.2f}" if "ratio" in row else "")
        )
    if chosen.json:
        chosen.json.write_text(json.dumps(rows) + "\n")
    elif any("missed" in row["note"] for row in rows):
        sys.exit("a limit is missed")


if __name__ == "__main__":
    main()
