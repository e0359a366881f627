"""`--use-conda` with a stand-in conda: each job runs in the environment that its rule names. Not conda itself: no real channel is asked."""

import importlib.util
import sys
from pathlib import Path

import pytest
from commandline import ROOT, SMALL, copy_repository, edit_config, run

pytest.importorskip("rattler", reason="needs py-rattler")
_spec = importlib.util.spec_from_file_location("standin", Path(__file__).parent / "standin.py")
assert _spec is not None
assert _spec.loader is not None
standin = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(standin)

TARGET = "results/sample/splits/train.parquet"


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A copy of the repository whose environments come from the stand-in's channel."""
    folder = tmp_path / "repository"
    folder.mkdir()
    copy_repository(folder)
    edit_config(folder, SMALL)
    for environment in (folder / "envs").glob("*.yaml"):
        environment.write_text(f"channels: ['{(tmp_path / 'conda/channel').as_uri()}']\ndependencies: [microrank-marker=1.0]\n")
    return folder


def test_every_job_runs_in_the_environment_of_its_rule(study: Path, tmp_path: Path) -> None:
    path = standin.install_standin(tmp_path / "conda", sys.executable)
    done = run(study, "--use-conda", TARGET, env={"PATH": f"{path}:/usr/bin:/bin", "RATTLER_CACHE_DIR": str(tmp_path / "cache")})
    assert done.returncode == 0, done.stdout
    prefixes = (tmp_path / "conda/used").read_text().split()
    assert len(prefixes) >= 2, "make_sample and split_interactions"
    assert all(str(study / ".snakemake/conda") in prefix for prefix in prefixes)


def test_an_environment_that_cannot_be_made_stops_the_run_and_names_its_file(study: Path, tmp_path: Path) -> None:
    path = standin.install_standin(tmp_path / "conda", sys.executable)
    with (study / "envs/data.yaml").open("a") as file:
        file.write("name: broken\n")
    (study / "envs/data.yaml").write_text((study / "envs/data.yaml").read_text().replace("1.0", "9.9"))
    failed = run(study, "--use-conda", TARGET, env={"PATH": f"{path}:/usr/bin:/bin", "RATTLER_CACHE_DIR": str(tmp_path / "cache")})
    assert failed.returncode != 0
    assert "envs/data.yaml" in failed.stdout
    assert not (study / TARGET).exists()


def test_every_environment_is_named_by_a_rule() -> None:
    rules = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    assert [path.name for path in (ROOT / "envs").glob("*.yaml") if f"envs/{path.name}" not in rules] == []
