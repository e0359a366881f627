"""Two studies of one data set through the real command line: neither touches the other."""

import os
from pathlib import Path

from commandline import REPORT, contents, planned_jobs, run
from commandline import edit_config as edit
from microrank.report.copy_report import copy_page

SHORT = "study: short\nsubset: {sample_size: 20}\nmethods: [bm25, popularity]\n"


def in_folder(study: Path, name: str) -> dict[str, bytes]:
    files = contents(study)
    return {path: data for path, data in files.items() if path.startswith(f"results/{name}/")}


def newest(study: Path) -> list[str]:
    return [(study / f"results/report.{kind}").read_text() for kind in ("md", "html")]


def page_of(study: Path, name: str) -> str:
    """The page of a study as it is copied."""
    return copy_page((study / f"results/{name}/report.html").read_text(), name)


def test_two_studies_of_one_data_set_lie_side_by_side_and_the_newest_is_shown(study: Path) -> None:
    (study / "short.yaml").write_text(SHORT)
    first, shown = in_folder(study, "sample"), newest(study)
    assert shown[1] == page_of(study, "sample")
    assert set(planned_jobs(study, "--configfile", "short.yaml")).isdisjoint(
        {"split_interactions", "train_nfm", "recommend_top_k", "evaluate_nfm"}
    )
    done = run(study, REPORT, "--configfile", "short.yaml")
    assert done.returncode == 0, done.stdout
    assert in_folder(study, "sample") == first
    short = in_folder(study, "short")
    assert "results/short/rankings/bm25.parquet" in short
    assert not [path for path in short if "/splits/" in path or "/nfm/" in path]
    assert newest(study)[1] == page_of(study, "short")
    assert newest(study) != shown
    # Back to the first: its results are there, and nothing but the copy is made again.
    assert set(planned_jobs(study)) == {"copy_report"}
    assert run(study, REPORT).returncode == 0
    assert newest(study) == shown
    assert in_folder(study, "short") == short
    assert set(planned_jobs(study, "--configfile", "short.yaml")) == {"copy_report"}


def test_every_link_of_the_newest_report_leads_to_a_file(study: Path) -> None:
    for folder, text in (
        (study / "results", (study / REPORT).read_text()),
        (study / "results/sample", (study / "results/sample/report.md").read_text()),
    ):
        links = [part.split(")")[0] for part in text.split("](")[1:]]
        assert len(links) > 3
        assert [link for link in links if "://" not in link and not (folder / link).exists()] == []


def test_repeats_and_shards_of_a_study_with_a_name_share_the_data_sets_lists(study: Path) -> None:
    rerankers = {"fused": {"fusion": "z-score", "of": ["nfm", "bm25"]}}
    shards = {"recommend_top_k": 2, "query_llm": 2}
    methods = ["simulated-study", "fused"]
    change = {"repeats": 2, "study": "short", "shards": shards, "methods": methods}
    quick = {"recipes": {"sampled": {"dimension": 8, "hidden": 8, "max_half_epochs": 1}}}
    edit(study, {**change, "rerankers": rerankers, "nfm": quick})
    done = run(study, REPORT)
    assert done.returncode == 0, done.stdout
    seed = "seed-20240602"
    made = {os.path.dirname(path) for path in contents(study) if seed in path}
    assert {f"results/sample.{seed}/nfm", f"results/sample.{seed}/splits"} <= made
    assert {f"results/short.{seed}/subset", f"results/short.{seed}/responses"} <= made
    assert not made & {f"results/short.{seed}/nfm", f"results/sample.{seed}/subset"}
    assert (study / "results/short/seeds.csv").is_file()
    assert "Nothing to be done" in run(study, REPORT).stdout


def test_a_study_named_after_another_data_set_is_refused_in_one_line(study: Path) -> None:
    done = run(study, "-n", REPORT, "--config", "study=microlens-50k")
    assert done.returncode != 0
    assert "study: 'microlens-50k' is the folder of the data set 'microlens-50k'" in done.stdout
    assert "Traceback" not in done.stdout


def test_results_of_another_study_are_not_made_by_this_ones_settings(study: Path) -> None:
    done = run(study, "-n", "results/sample/metrics.csv", "--config", "study=short", "seed=3")
    assert "Missing" in done.stdout or "Nothing to be done" in done.stdout
    assert "score_rankings" not in done.stdout
