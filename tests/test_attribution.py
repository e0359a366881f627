"""Placebos and sweeps through the real command line."""

import json
from pathlib import Path

from commandline import REPORT, edit_config, run
from microrank import tables
from microrank.services.store import Store

TRIED = {
    "tried": {
        "llm": "simulated",
        "prompt": "numbered",
        "placebos": ["none", "another", "shuffled"],
        "sweep": True,
    }
}
RESULTS = "results/sample"


def test_placebos_are_asked_shown_and_no_part_of_the_comparison(study: Path) -> None:
    edit_config(study, {"rerankers": TRIED, "methods": ["tried", "popularity"]})
    forecast = run(study, "results/forecast.md")
    assert forecast.returncode == 0, forecast.stdout
    page = (study / "results/forecast.md").read_text()
    for change in ("none", "another", "shuffled", "first", "middle", "last"):
        assert f"tried, {change}" in page
    before = len(list(Store(study / "resources/store").paths()))
    done = run(study, REPORT)
    assert done.returncode == 0, done.stdout
    found = json.loads((study / RESULTS / "attribution.json").read_text())
    assert [step["history"] for step in found["steps"]] == ["none", "another", "shuffled", "own"]
    assert [row["place"] for row in found["swept"]] == ["first", "middle", "last"]
    users = tables.read_table(study / RESULTS / "subset/users.parquet", tables.SUBSET)
    n = users.num_rows
    asked = len(list(Store(study / "resources/store").paths())) - before
    assert 3 * n < asked <= 7 * n, (
        "each user once, and once for every change that changes something"
    )
    none = tables.read_table(study / RESULTS / "placebo-none/users.parquet", tables.SUBSET)
    assert set(map(tuple, none["history"].to_pylist())) == {()}
    report = (study / REPORT).read_text()
    assert "What moved the lists" in report
    assert "another user's history" in report
    assert f"{found['answers']:,} more answers" in report
    rows = (study / RESULTS / "metrics.csv").read_text()
    assert "placebo" not in rows
    assert run(study, REPORT).stdout.count("Nothing to be done") == 1
