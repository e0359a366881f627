"""Planned looks through services, the store and the real command line."""

import subprocess
import time
from pathlib import Path

import pytest
from commandline import SNAKEMAKE, edit_config, run
from microrank.evaluation.metrics import metric_rows
from microrank.evaluation.metrics_file import read_metrics

SETTLED = "results/settled.md"
LOOKS = {"looks": {"users": [8, 16, "all"], "hours": None}}


def answers(study: Path) -> set[str]:
    return {path.name for path in (study / "resources/store").rglob("??*/*.jsonl")} - {
        "sample.jsonl"
    }


def asked_at(study: Path) -> dict[str, float]:
    files = (study / "resources/store").rglob("*.jsonl")
    return {path.name: path.stat().st_mtime for path in files}


@pytest.fixture
def planned(study: Path) -> Path:
    """The finished study, with small looks and one model that was not asked yet."""
    rerankers = {"asked": {"llm": "simulated", "prompt": "ranked"}}
    edit_config(study, {**LOOKS, "rerankers": rerankers, "methods": ["asked"]})
    return study


def test_the_looks_end_in_a_page_with_their_course_and_a_second_run_asks_nobody(
    planned: Path,
) -> None:
    before = answers(planned)
    done = run(planned, SETTLED)
    assert done.returncode == 0, done.stdout
    page = (planned / SETTLED).read_text()
    assert "| `asked` | 8 |" in page
    assert "The looks ended because" in done.stdout
    assert done.stdout.splitlines()[-1] == "Open results/settled.md"
    after = asked_at(planned)
    new = answers(planned) - before
    again = run(planned, SETTLED)
    assert again.returncode == 0, again.stdout
    assert asked_at(planned) == after, "no answer was asked twice"
    assert (planned / SETTLED).read_text() == page
    users = max(int(row.split("|")[2]) for row in page.splitlines() if row.startswith("| `asked`"))
    assert len(new) == users, "one question a user"


def test_killed_it_goes_on_without_asking_anything_twice(planned: Path) -> None:
    before = answers(planned)
    command = [*SNAKEMAKE, "--cores", "2", SETTLED]
    job = subprocess.Popen(
        command,
        cwd=planned,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
    )
    while len(answers(planned) - before) < 4 and job.poll() is None:
        time.sleep(0.02)
    if job.poll() is None:
        subprocess.run(["kill", "-KILL", "--", f"-{job.pid}"], check=False)
    job.wait()
    kept = asked_at(planned)
    run(planned, "--unlock")
    done = run(planned, SETTLED)
    assert done.returncode == 0, done.stdout
    after = asked_at(planned)
    assert {name: after[name] for name in kept} == kept
    assert "| `asked` | 8 |" in (planned / SETTLED).read_text()


def test_a_fusion_with_a_language_model_is_looked_at_and_has_the_hits_of_the_report(
    planned: Path,
) -> None:
    fused = {"fusion": "reciprocal", "of": ["nfm", "asked", "popularity"]}
    picked = {"choose": ["popularity", "asked"]}
    methods = ["asked", "fused", "picked"]
    added = {"rerankers": {"fused": fused, "picked": picked}, "methods": methods}
    edit_config(planned, {**added, "tuning": {"sample_size": 12}})
    done = run(planned, SETTLED)
    assert done.returncode == 0, done.stdout
    rows = [
        [cell.strip(" `") for cell in row.split("|")[1:5]]
        for row in (planned / SETTLED).read_text().splitlines()
        if row.startswith(("| `fused`", "| `asked`", "| `picked`"))
    ]
    looked = {method: tuple(map(int, numbers)) for method, *numbers in rows}
    assert looked.keys() == set(methods)
    kept = answers(planned)
    for method, (n, hits, recommenders_hits) in looked.items():
        edit_config(planned, {"subset": {"sample_size": n}})
        assert run(planned, "results/sample/metrics.csv").returncode == 0
        table = read_metrics(planned / "results/sample/metrics.csv")
        shown = {
            row.method: row.value
            for row in metric_rows(table)
            if (row.metric, row.cutoff) == ("hits", 10)
        }
        assert (shown[method], shown["nfm"]) == (hits, recommenders_hits)
    assert answers(planned) == kept, "the report asks nobody again"


def test_a_budget_ends_the_looks_and_a_larger_one_goes_on(planned: Path) -> None:
    # The simulated model's answers of earlier jobs cost nothing: each look has the budget anew.
    edit_config(planned, {"budget": {"requests": 14}, "looks": {"users": [8, "all"]}})
    done = run(planned, SETTLED)
    assert done.returncode == 0, done.stdout
    page = (planned / SETTLED).read_text()
    assert "the budget is reached" in page
    assert "| `asked` | 8 |" in page
    assert page.count("| `asked` |") == 1
    edit_config(planned, {"budget": {"requests": None}})
    run(planned, SETTLED)
    assert (planned / SETTLED).read_text().count("| `asked` |") == 2
