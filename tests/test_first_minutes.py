"""What a newcomer may stumble over: told in one line before anything starts, or it works."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from commandline import REPORT, ROOT, SNAKEMAKE, copy_repository, run


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_repository(tmp_path_factory.mktemp("checkout"))


def lines_about(text: str, word: str) -> list[str]:
    return [line for line in text.splitlines() if word in line]


def test_an_interpreter_below_a_folder_with_a_space_is_refused_before_anything_starts(
    checkout: Path, tmp_path: Path
) -> None:
    (tmp_path / "My Drive").mkdir()
    environment = tmp_path / "My Drive" / "venv"
    environment.symlink_to(Path(sys.executable).parents[1])
    python = environment / "bin/python"
    command = [python, "-m", "snakemake", "--cores", "1", "results/sample/splits/counts.json"]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    (line,) = set(lines_about(done.stderr, "cannot call a Python whose path has spaces"))
    assert line.startswith(str(python))
    assert not (checkout / "results").exists()


def test_1e_3_in_a_config_file_is_a_number(checkout: Path) -> None:
    (checkout / "mine.yaml").write_text("nfm: {recipes: {sampled: {learning_rate: 1e-3}}}\n")
    done = run(checkout, "-n", REPORT, "--configfile", "mine.yaml")
    assert done.returncode == 0, done.stdout
    assert "'learning_rate': 0.001" in done.stdout or "learning_rate" not in done.stdout


@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize("option", [["--configfile", "mine.yaml"], ["--configfiles", "mine.yaml"]])
def test_a_target_after_a_config_file_is_told_apart(
    tmp_path: Path, exists: bool, option: list[str]
) -> None:
    checkout = copy_repository(tmp_path)
    (checkout / "mine.yaml").write_text("seed: 7\n")
    if exists:
        (checkout / "results").mkdir()
        (checkout / REPORT).write_text("# **A report.**\n\t- x: [\n")
    done = run(checkout, "-n", *option, REPORT)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    assert done.stdout.splitlines()[-1] == (
        f"{REPORT} stands after --configfile, which takes it for a config file: "
        f"write targets first, such as: snakemake {REPORT} --configfile a.yaml"
    )


def test_targets_before_a_config_file_or_after_another_option_are_targets(checkout: Path) -> None:
    (checkout / "mine.yaml").write_text("seed: 7\n")
    for command in (
        [REPORT, "--configfile", "mine.yaml"],
        ["--configfile", "mine.yaml", "--", REPORT],
    ):
        done = run(checkout, "-n", *command)
        assert done.returncode == 0, done.stdout


def test_the_bundles_old_name_is_refused_with_its_new_one(checkout: Path) -> None:
    done = run(checkout, "-n", "results/kit.zip")
    assert done.returncode != 0
    assert lines_about(done.stdout, "results/kit.zip is called results/bundle.zip now")


SHIM = "#!/bin/sh\necho 'pyenv: python3.11: command not found' >&2\nexit 127\n"
OLD = '#!/bin/sh\ncase "$*" in *version_info*) exit 1;; esac\n'


def programs(folder: Path, **texts: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


def make(folder: Path, path: Path, *arguments: str) -> subprocess.CompletedProcess:
    """`make` for the environment of a folder that has none, with no Python but those in `path`."""
    tools = path.parent / "tools"
    tools.mkdir(exist_ok=True)
    for name in ("sh", "make", "grep", "sed", "expand", "test", "echo", "touch"):
        program = next(
            (Path(part, name) for part in os.defpath.split(":") if Path(part, name).exists()), None
        )
        if program and not (tools / name).exists():
            (tools / name).symlink_to(program)
    return subprocess.run(
        ["/usr/bin/make", "-f", ROOT / "Makefile", *arguments, ".venv/run.stamp"],
        cwd=folder,
        env={"PATH": f"{path}:{tools}"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A folder with what the environment is made from, and no environment."""
    folder = tmp_path / "bare"
    folder.mkdir()
    for name in ("pyproject.toml", "requirements.txt", "requirements-hashes.txt"):
        (folder / name).write_text((ROOT / name).read_text())
    return folder


def test_make_passes_over_a_shim_that_does_not_run(bare: Path, tmp_path: Path) -> None:
    works = f'#!/bin/sh\nexec {sys.executable} "$@"\n'
    path = programs(tmp_path / "bin", **{"python3.11": SHIM, "python3.12": OLD, "python3": works})
    planned = make(bare, path, "-n")
    assert f"'{path / 'python3'}' -m venv .venv" in planned.stdout, planned.stderr


def test_make_says_which_pythons_work_where_none_does(bare: Path, tmp_path: Path) -> None:
    path = programs(tmp_path / "bin", **{"python3.11": SHIM, "python3": OLD})
    done = make(bare, path)
    assert done.returncode != 0
    (line,) = lines_about(done.stderr, "needs Python 3.11, 3.12 or 3.13; install one")
    assert "make report PYTHON=/path/to/python3.12" in line
    named = make(bare, path, f"PYTHON={path / 'python3'}")
    assert lines_about(named.stderr, f"and {path / 'python3'} is none of them")


def test_snakemake_alone_uses_every_core_and_says_nothing_of_rules(checkout: Path) -> None:
    command = [*SNAKEMAKE, "resources/sample/pairs.tsv"]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "make_sample: made 10000 users" in done.stderr
    assert f"Provided cores: {len(os.sched_getaffinity(0))}" in done.stderr
    assert "reason:" not in done.stderr
    assert "rule make_sample:" not in done.stderr


def test_what_failed_stands_last(tmp_path: Path) -> None:
    checkout = copy_repository(tmp_path)
    for name in ("pairs.tsv", "titles.csv"):
        (checkout / name).write_text("nonsense\n")
    mine = {"dataset": "mine", "datasets": {"mine": {"pairs": "pairs.tsv", "titles": "titles.csv"}}}
    (checkout / "mine.yaml").write_text(yaml.safe_dump(mine))
    done = run(checkout, "results/mine/splits/counts.json", "--configfile", "mine.yaml")
    assert done.returncode != 0
    assert done.stdout.splitlines()[-1].startswith("split_interactions: pairs.tsv: ")
    wrong = run(checkout, "--config", "topk=3")
    assert wrong.returncode != 0
    assert "unknown key 'topk' (did you mean 'top_k'?)" in wrong.stdout.splitlines()[-1]


def test_make_report_takes_a_config_file_and_cores(checkout: Path) -> None:
    for words, said in (
        ([], "/snakemake  results/report.md "),
        (["CONFIG=my study.yaml"], "results/report.md --configfile 'my study.yaml'"),
        (["CORES=3"], "/snakemake --cores 3 results/report.md"),
    ):
        planned = subprocess.run(
            ["make", "-n", "report", *words],
            cwd=checkout,
            capture_output=True,
            text=True,
            check=True,
        )
        assert said in f"{planned.stdout.splitlines()[-1]} "
