"""The workflow used from elsewhere, through the real command line."""

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml
from commandline import REPORT, ROOT, SMALL, copy_repository, run

STUDY = {
    **SMALL,
    "study": "short",
    "nfm": {"recipes": {"sampled": {"dimension": 8, "hidden": 8, "max_half_epochs": 1}}},
    "methods": ["bm25", "simulated-study", "fused"],
    "rerankers": {"fused": {"fusion": "reciprocal", "of": ["nfm", "bm25"]}},
}


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_repository(tmp_path_factory.mktemp("some") / "a clone")


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def made(folder: Path, before: Iterable[str] = ()) -> set[str]:
    """The files that a run left, but for logs, benchmarks and Snakemake's own."""
    hidden = (".snakemake/", "results/logs", "results/benchmarks")
    return {
        name
        for name in files_below(folder) - set(before)
        if not name.startswith(hidden) and "/logs/" not in name and "/benchmarks/" not in name
    }


def test_a_study_folder_needs_only_a_config_file_of_its_own(clone: Path, tmp_path: Path) -> None:
    in_clone = files_below(clone)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(STUDY))
    done = run(tmp_path, "-s", str(clone / "Snakefile"))
    assert done.returncode == 0, done.stdout
    left = made(tmp_path)
    assert {
        "results/report.html",
        "results/short/rankings/fused.parquet",
        "results/sample/splits/train.parquet",
        "resources/sample/pairs.tsv",
    } <= left
    assert any(name.startswith("resources/store/") for name in left)
    assert {name.split("/")[0] for name in left} == {"config.yaml", "resources", "results"}
    assert files_below(clone) - in_clone == {
        name for name in files_below(clone) if "__pycache__" in name
    }
    report = (tmp_path / REPORT).read_text()
    assert "resources/prompts/study.yaml" in report
    again = run(tmp_path.parent, "-s", str(clone / "Snakefile"), "--directory", str(tmp_path))
    assert "Nothing to be done" in again.stdout
    thin = run(tmp_path, "-n", "-s", str(clone / "workflow/Snakefile"))
    assert "Nothing to be done" in thin.stdout


def test_the_second_snakefile_plans_the_whole_study_too(clone: Path, tmp_path: Path) -> None:
    planned = run(tmp_path, "-n", "-s", str(clone / "workflow/Snakefile"))
    assert planned.returncode == 0, planned.stdout
    table = planned.stdout.split("Job stats:")[1].split("total")[0]
    assert {"study", "copy_report", "write_report"} <= set(table.split())


def test_files_of_a_study_folder_win_over_those_of_the_repository(
    clone: Path, tmp_path: Path
) -> None:
    for folder in ("config", "resources/prompts", "methods"):
        (tmp_path / folder).mkdir(parents=True)
    prompt = (clone / "resources/prompts/study.yaml").read_text()
    (tmp_path / "resources/prompts/own.yaml").write_text(prompt)
    (tmp_path / "methods/short.py").write_text("def score(history, candidates):\n    return []\n")
    rerankers = {
        "short": {"file": "methods/short.py"},
        "own": {"llm": "simulated", "prompt": "own"},
    }
    change = {"rerankers": rerankers, "methods": ["short", "own", "simulated-numbered"]}
    (tmp_path / "config/config.yaml").write_text(yaml.safe_dump(change))
    done = run(tmp_path, "-n", "--quiet", "reason", "-s", str(clone / "Snakefile"), "--", REPORT)
    assert done.returncode == 0, done.stdout
    words = set(re.split(r"[,\n] *", done.stdout))
    assert {"methods/short.py", "resources/prompts/own.yaml"} <= words
    assert f"{clone}/resources/prompts/numbered.yaml" in words


MODULE = """
module microrank:
    snakefile: {snakefile!r}
    config: {config}
    {prefix}

rule everything:
    input: {report!r}

use rule * from microrank {rename}
"""


@pytest.mark.parametrize(
    ("prefix", "rename"), [("", "as microrank_*"), ("part/two", "exclude all")]
)
def test_another_workflow_takes_it_as_a_module(
    clone: Path, tmp_path: Path, prefix: str, rename: str
) -> None:
    report = f"{prefix}/{REPORT}" if prefix else REPORT
    text = MODULE.format(
        snakefile=str(clone / "Snakefile"),
        config=repr(STUDY),
        prefix=f"prefix: {prefix!r}" if prefix else "",
        report=report,
        rename=rename,
    )
    (tmp_path / "Snakefile").write_text(text)
    done = run(tmp_path, "everything")
    assert done.returncode == 0, done.stdout
    left = made(tmp_path)
    place = f"{prefix}/" if prefix else ""
    assert {
        f"{place}results/short/report.html",
        f"{place}results/sample/nfm/recommendations.parquet",
        "resources/sample/pairs.tsv",
    } <= left
    assert any(name.startswith("resources/store/") for name in left)
    assert {name.split("/")[0] for name in left} == {
        "Snakefile",
        "resources",
        report.split("/")[0],
    }
    again = run(tmp_path, "everything")
    assert "Nothing to be done" in again.stdout


def test_a_module_without_a_config_has_every_default(clone: Path, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("samples: samples.tsv\n")
    (tmp_path / "Snakefile").write_text(
        f"module microrank:\n    snakefile: {str(clone / 'Snakefile')!r}\n\n"
        "use rule * from microrank\n"
    )
    done = run(tmp_path, "-n")
    assert done.returncode == 0, done.stdout
    assert "rankings/smollm2-likelihood.parquet" in done.stdout


def test_a_snakefile_out_of_a_repository_that_is_no_folder_is_refused_in_one_line(
    clone: Path, tmp_path: Path
) -> None:
    git = ["git", "-C", str(clone), "-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *command], check=True)
    source = f"git+file://{clone}/Snakefile@HEAD"
    (tmp_path / "Snakefile").write_text(
        f"module microrank:\n    snakefile: {source!r}\n\nuse rule * from microrank\n"
    )
    done = run(tmp_path, "-n")
    assert done.returncode != 0
    assert "microrank runs from a clone alone" in done.stdout
    assert "Traceback" not in done.stdout


def test_what_the_catalog_of_workflows_looks_for_is_there() -> None:
    assert (ROOT / "workflow/Snakefile").is_file()
    assert (ROOT / "config/README.md").is_file()
    catalog = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())
    deployment = catalog["usage"]["software-stack-deployment"]
    assert deployment["conda"] is True
