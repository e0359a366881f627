"""benchmarks/scale.py in short: a million users' splits, whose memory must not follow the data."""

import json
import subprocess
import sys
from pathlib import Path

from commandline import ROOT

# GB, about twice of what docs/scale.md has. The rows alone, held as numbers, would be 0.15 more at
# each copy.
CEILINGS = {"split_interactions": 0.35, "split_interactions, lines shuffled": 1.0}


def test_splitting_a_million_users_stays_below_its_ceiling(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    stages = ["--scales", "10", "--stages", "split_interactions"]
    program = [
        sys.executable,
        ROOT / "benchmarks/scale.py",
        "--folder",
        tmp_path,
        "--json",
        figures,
        *stages,
    ]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    measured = {
        stage: found["10"]["peak_gb"] for stage, found in json.loads(figures.read_text()).items()
    }
    assert measured.keys() == CEILINGS.keys()
    assert {stage: gb for stage, gb in measured.items() if gb > CEILINGS[stage]} == {}
