"""A study that is packed is replayed elsewhere: the same numbers, without training and without asking."""

import csv
import io
import shutil
import zipfile
from pathlib import Path

import pytest
import yaml
from commandline import REPORT, SMALL, copy_repository, edit_config, planned_jobs, run
from microrank.errors import StudyError
from microrank.kit import answers_used, pack_kit
from microrank.services.store import Entry, Store

METHODS = {
    "rerankers": {"fused": {"fusion": "reciprocal", "of": ["nfm", "simulated-numbered", "bm25"]}},
    "methods": ["simulated-study", "bm25", "fused"],
}


def numbers(text: str) -> list[tuple[str, ...]]:
    """The rows of metrics.csv without the names of data set and recommender."""
    rows = csv.DictReader(io.StringIO(text))
    return [tuple(value.replace("nfm-lists", "nfm") for name, value in row.items() if name != "dataset") for row in rows]


def test_a_packed_study_is_replayed_offline_with_the_same_numbers(tmp_path: Path) -> None:
    here, there = (copy_repository(tmp_path / name) for name in ("here", "there"))
    edit_config(here, SMALL | METHODS)
    done = run(here, "results/kit.zip")
    assert done.returncode == 0, done.stdout
    with zipfile.ZipFile(here / "results/kit.zip") as kit:
        kit.extractall(there)
        settings = yaml.safe_load(kit.read("kit/kit.yaml"))
    assert settings["store"] == {"path": "kit/answers", "offline": True}
    shutil.copytree(here / "resources/sample", there / "resources/sample")
    planned = planned_jobs(there, "--configfile", "kit/kit.yaml")
    assert set(planned).isdisjoint({"train_nfm", "refit_nfm", "recommend_top_k", "make_sample"})
    done = run(there, REPORT, "--configfile", "kit/kit.yaml")
    assert done.returncode == 0, done.stdout
    replayed = numbers((there / "results/sample-kit/metrics.csv").read_text())
    assert replayed == numbers((there / "kit/metrics.csv").read_text())
    first = (here / "results/kit.zip").read_bytes()
    (here / "results/kit.zip").unlink()
    assert run(here, "results/kit.zip").returncode == 0
    assert (here / "results/kit.zip").read_bytes() == first


def test_a_damaged_or_missing_answer_is_not_packed(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    entry = store.put(Entry({"adapter": "openai-chat", "body": {"model": "m"}}, "{}"))
    (path,) = answers_used(store, [entry.key], [])
    assert answers_used(store, [], ["m"]) == [path]
    assert answers_used(store, [], ["another"]) == []
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(StudyError, match="cannot be read"):
        pack_kit(tmp_path / "kit.zip", {"dataset": "x"}, {}, [path], None)
    path.unlink()
    with pytest.raises(StudyError, match="cannot be read"):
        pack_kit(tmp_path / "kit.zip", {"dataset": "x"}, {}, [path], None)
    assert not (tmp_path / "kit.zip").exists()
