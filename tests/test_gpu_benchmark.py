"""benchmarks/gpu.py at a small size: every part runs, and agrees with float64 on the processor."""

import json
import subprocess
import sys
from pathlib import Path

from commandline import ROOT


def test_every_part_of_the_card_benchmark_runs_on_a_processor_too(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    program = [sys.executable, ROOT / "benchmarks/gpu.py", "--small", "--json", figures]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    rows = json.loads(figures.read_text())
    assert (done.returncode, [row for row in rows if "failed" in row]) == (0, []), done.stderr
    assert rows[0]["dry_run"]
    assert {row["equal"] for row in rows if "equal" in row} == {True}
    distances = [row["relative_distance"] for row in rows if "at_most" in row]
    assert len(distances) == 3
    assert max(distances) < 1e-4
    assert len(rows) == 13
