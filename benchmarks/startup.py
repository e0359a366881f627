"""How long the workflow takes to start: a dry run of the whole study against an empty Snakefile with as many rules and jobs.

    python benchmarks/startup.py [--json PATH]

The two take turns and the fastest of each counts, in processor seconds. Then the start-up of one job that needs no torch: a fresh process
that imports what the script of each such rule imports, the slowest of them told.
"""

import argparse
import ast
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
REPEATS = 5
MUST = 1.5
MUST_S = 1.5
NEED_TORCH = {"train_nfm", "refit_nfm", "recommend_top_k", "embed_titles"}


def processor_seconds(command: list[str], folder: Path, env: dict[str, str] | None = None) -> float:
    """Of a process and its children."""
    before = os.times()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **(env or {})})
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def empty_workflow(folder: Path, rules: int) -> None:
    """A chain of `rules` rules without anything else."""
    text = 'rule all:\n    input: "out.0"\n'
    for i in range(rules):
        source = f'    input: "out.{i + 1}"\n' if i + 1 < rules else ""
        text += f'rule r{i}:\n{source}    output: "out.{i}"\n    shell: "touch {{output}}"\n'
    (folder / "Snakefile").write_text(text)
    # The same rerun triggers as the workflow's own profile.
    (folder / "profiles/default").mkdir(parents=True)
    (folder / "profiles/default/profile.yaml").write_text((ROOT / "profiles/default/profile.yaml").read_text())


def imports_of(script: Path) -> str:
    """The import statements of a script, without the job that they serve."""
    tree = ast.parse(script.read_text())
    return "\n".join(ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom))


def measure() -> list[dict[str, Any]]:
    """The rows of the table."""
    texts = [path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk")]
    rules = sum(line.startswith(("rule ", "use rule ")) for text in texts for line in text.splitlines())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        empty_workflow(folder, rules)
        snakemake = [sys.executable, "-m", "snakemake", "-n", "--cores", "2"]
        ours, empty = [], []
        for _ in range(REPEATS):
            # In a folder of its own, so that what lies in results/ does not matter.
            study = Path(name) / "study"
            study.mkdir(exist_ok=True)
            for part in ("config", "profiles", "resources/prompts", "workflow", "Snakefile", "envs"):
                target = study / part
                if not target.exists():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.symlink_to(ROOT / part)
            ours.append(processor_seconds([*snakemake, "results/report.md"], study))
            empty.append(processor_seconds(snakemake, folder))
    note = f"dry run {min(ours):.2f} s, empty Snakefile of {rules} rules {min(empty):.2f} s; must be at most {MUST} times"
    rows = [{"what": "start-up: snakemake -n of the study ÷ an empty workflow", "ratio": min(ours) / min(empty), "note": note}]
    used = {path.stem for path in (ROOT / "workflow/scripts").glob("*.py")} - NEED_TORCH - {"store"}
    seconds = {}
    for rule in sorted(used):
        code = imports_of(ROOT / f"workflow/scripts/{rule}.py")
        env = {"PYTHONPATH": str(ROOT / "workflow/scripts"), "OMP_NUM_THREADS": "1"}
        seconds[rule] = min(processor_seconds([sys.executable, "-c", code], ROOT, env) for _ in range(3))
    slowest = max(seconds, key=lambda rule: seconds[rule])
    note = f"{slowest} {seconds[slowest]:.2f} s of {len(seconds)} rules; must be at most {MUST_S} s"
    return [*rows, {"what": "start-up of a job without torch, slowest", "note": note, "seconds": round(seconds[slowest], 2)}]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    rows = measure()
    for row in rows:
        print(f"{row['what']}: {row['note']}")
    if chosen.json:
        chosen.json.write_text(json.dumps(rows) + "\n")


if __name__ == "__main__":
    main()
