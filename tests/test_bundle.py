"""A packed study is replayed elsewhere: the same numbers, without training or asking."""

import csv
import io
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from commandline import REPORT, SMALL, copy_repository, edit_config, planned_jobs, run
from microrank.bundle import answers_used, pack_bundle
from microrank.errors import StudyError
from microrank.services.store import Entry, Store
from services.scripted import serving

METHODS = {
    "repeats": 2,
    "memory": {"titles": 6},
    "rerankers": {
        "fused": {"fusion": "z-score", "of": ["nfm", "simulated-scores"]},
        "short": {"file": "methods/short.py"},
        "simulated-own": {"llm": "simulated", "prompt": "own", "passes": 2},
        "served-row": {"llm": "served", "prompt": "numbered", "repeats_of_answers": 2},
    },
    "methods": ["minilm-mean", "simulated-own", "bm25", "short", "fused", "served-row"],
}


def numbers(text: str) -> list[tuple[str, ...]]:
    """The rows of metrics.csv without the name of the data set."""
    return [
        tuple(value for name, value in row.items() if name != "dataset")
        for row in csv.DictReader(io.StringIO(text))
    ]


def without_seal(report: str) -> str:
    """The report without what it says of seals, which lie beside answers that were asked here."""
    text = re.sub(r"\n## Seal\n.*?(?=\n## )", "", report, flags=re.DOTALL)
    text = re.sub(r" (The study was sealed on|The response store keeps no seal).*", "", text)
    return re.sub(r"\*Table \d+\.", "*Table.", text)


def test_a_packed_study_is_replayed_offline_with_the_same_report(tmp_path: Path) -> None:
    here, there = (copy_repository(tmp_path / name) for name in ("here", "there"))
    edit_config(here, SMALL | METHODS)
    (here / "methods").mkdir()
    (here / "methods/short.py").write_text(
        "def score(history, candidates):\n    return [-len(item.title) for item in candidates]\n"
    )
    prompt = (here / "resources/prompts/numbered.yaml").read_text()
    (here / "resources/prompts/own.yaml").write_text(
        prompt.replace("You re-rank", "You, yourself, re-rank")
    )
    claims = (here / "resources/claims/study.yaml").read_text()
    (here / "resources/claims/mine.yaml").write_text(claims.replace("the study", "my own reading"))
    with serving() as server:  # it is gone when the study is replayed
        served = {"adapter": "openai-chat", "base_url": server.base_url, "model": "tiny"}
        edit_config(here, {"llms": {"served": {**served, "known_until": "2024-06-30"}}})
        done = run(here, "results/bundle.zip")
    assert done.returncode == 0, done.stdout
    assert "my own reading" in (here / "results/sample/report.md").read_text()
    unpack = [
        sys.executable,
        "workflow/scripts/unpack_bundle.py",
        str(here / "results/bundle.zip"),
        "--with-methods",
    ]
    subprocess.run(unpack, cwd=there, check=True)
    settings = yaml.safe_load((there / "bundle/bundle.yaml").read_text())
    assert settings["store"] == {"path": "bundle/answers", "offline": True}
    assert sorted(path.name for path in (there / "bundle/prompts").iterdir()) == [
        *("numbered.yaml", "own.yaml", "scores.yaml"),
    ]
    shutil.copytree(here / "resources/sample", there / "resources/sample")
    planned = planned_jobs(there, "--configfile", "bundle/bundle.yaml")
    assert set(planned).isdisjoint(
        {
            "train_nfm",
            "refit_nfm",
            "recommend_top_k",
            "make_sample",
            "embed_titles",
        }
    )
    done = run(there, REPORT, "--configfile", "bundle/bundle.yaml")
    assert done.returncode == 0, done.stdout
    replayed = numbers((there / "results/sample-bundle/metrics.csv").read_text())
    assert replayed == numbers((there / "bundle/metrics.csv").read_text())
    # Every line of the report, in order. Only files have other places, and the bundle's lists are
    # named beside them.
    said, again = (
        (there / path).read_text()
        for path in ("bundle/report.md", "results/sample-bundle/report.md")
    )
    for place, place_here in (
        ("sample-bundle/", "sample/"),
        ("bundle/prompts/", "resources/prompts/"),
        ("bundle/methods/", "methods/"),
    ):
        again = again.replace(place, place_here)
    lines = [
        line
        for line in again.splitlines()
        if "| `bundle/" not in line and line != "replayed_from: bundle"
    ]
    assert without_seal("\n".join(lines)) == without_seal(said.rstrip("\n"))
    for told in (
        "**This is the synthetic sample.**",
        "Dataset `sample`",
        *("Over seeds", "Asked the same again", "completed 0 word for word"),
        "NFM ranks the whole catalogue",
    ):
        assert told in said
    first = (here / "results/bundle.zip").read_bytes()
    (here / "results/bundle.zip").unlink()
    assert run(here, "results/bundle.zip").returncode == 0
    assert (here / "results/bundle.zip").read_bytes() == first


def test_a_damaged_or_missing_answer_is_not_packed(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    entry = store.put(Entry({"adapter": "openai-chat", "body": {"model": "m"}}, "{}"))
    (path,) = answers_used(store, [entry.key, entry.key])
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(StudyError, match="cannot be read"):
        pack_bundle(tmp_path / "bundle.zip", {"dataset": "x"}, {}, [path], None)
    path.unlink()
    with pytest.raises(StudyError, match="cannot be read"):
        pack_bundle(tmp_path / "bundle.zip", {"dataset": "x"}, {}, [path], None)
    assert not (tmp_path / "bundle.zip").exists()
