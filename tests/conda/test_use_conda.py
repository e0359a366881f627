"""`--use-conda` with a stand-in for conda: each job runs in the environment that its rule names.

Not conda itself: no real channel is asked.
"""

import importlib.util
import re
import sys
from pathlib import Path

import pytest
import yaml
from commandline import REPORT, ROOT, SMALL, copy_repository, edit_config, run

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("rattler") is None, reason="needs py-rattler"
)
_spec = importlib.util.spec_from_file_location("standin", Path(__file__).parent / "standin.py")
assert _spec is not None
assert _spec.loader is not None
standin = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(standin)

TARGET = "results/sample/splits/train.parquet"
ENVIRONMENTS = {path.stem for path in (ROOT / "envs").glob("*.yaml")}
# In the place of a job's script, with all that Snakemake puts before it: it makes empty outputs.
TOUCH = """#!{python}
import pathlib, subprocess, sys
if not sys.argv[1].endswith(".py"):
    sys.exit(subprocess.run([sys.executable, *sys.argv[1:]]).returncode)
exec(pathlib.Path(sys.argv[1]).read_text().split("######## snakemake preamble end #########")[0])
for path in map(pathlib.Path, snakemake.output):
    path.touch() if path.suffix else path.mkdir(parents=True)
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A copy of the repository whose environments come from the stand-in's channel."""
    folder = tmp_path / "repository"
    folder.mkdir()
    copy_repository(folder)
    edit_config(folder, SMALL)
    for path in (folder / "envs").glob("*.yaml"):
        path.write_text(
            f"channels: ['{(tmp_path / 'conda/channel').as_uri()}']\n"
            f"dependencies: [marker-{path.stem}=1.0]\n"
        )
    return folder


def environment_variables(tmp_path: Path, python: str = sys.executable) -> dict[str, str]:
    path = standin.install_standin(tmp_path / "conda", python, ENVIRONMENTS)
    return {"PATH": f"{path}:/usr/bin:/bin", "RATTLER_CACHE_DIR": str(tmp_path / "cache")}


def ran(tmp_path: Path) -> dict[str, set[str]]:
    """Rule -> the environments in which its jobs ran."""
    found: dict[str, set[str]] = {}
    for line in (tmp_path / "conda/used").read_text().splitlines():
        environment, prefix, *_ = line.split()
        assert str(tmp_path / "repository/.snakemake/conda") in prefix
        for rule in re.findall(r"\.snakemake/scripts/\w+\.(\w+)\.py", line):
            found.setdefault(rule, set()).add(environment)
    return found


def named(device: str) -> dict[str, set[str]]:
    """Rule -> the environment that the rule files name, as they stand there."""
    text = "".join(path.read_text() for path in sorted((ROOT / "workflow/rules").glob("*.smk")))
    pairs = re.findall(r"^rule (\w+):.*?^    conda:\s+(\S+)", text, re.MULTILINE | re.DOTALL)
    nfm = {"cpu": "nfm", "cuda": "nfm-gpu"}[device]
    return {
        rule: {nfm if name == "NFM_ENVIRONMENT" else Path(name.strip('"')).stem}
        for rule, name in pairs
    }


def test_a_job_does_its_work_in_the_environment_of_its_rule(study: Path, tmp_path: Path) -> None:
    done = run(study, "--use-conda", TARGET, env=environment_variables(tmp_path))
    assert done.returncode == 0, done.stdout
    assert ran(tmp_path) == {"make_sample": {"data"}, "split_interactions": {"data"}}


def test_every_rule_has_its_own_environment_and_training_on_a_gpu_another(
    study: Path, tmp_path: Path
) -> None:
    touch = tmp_path / "touch"
    touch.write_text(TOUCH.format(python=sys.executable))
    touch.chmod(0o755)
    env = environment_variables(tmp_path, str(touch))
    edit_config(study, {"methods": [*SMALL["methods"], "smollm2-likelihood"]})
    done = run(study, "--use-conda", REPORT, env=env)
    assert done.returncode == 0, done.stdout
    found = ran(tmp_path)
    assert found == {
        rule: environment for rule, environment in named("cpu").items() if rule in found
    }
    assert set.union(*found.values()) == ENVIRONMENTS - {"nfm-gpu", "settle", "recommenders"}
    (study / "gpu.yaml").write_text(yaml.safe_dump({"nfm": {"device": "cuda"}}))
    (tmp_path / "conda/used").unlink()
    done = run(
        study,
        "--use-conda",
        "results/sample/nfm/model.safetensors",
        "--configfile",
        "gpu.yaml",
        env=env,
    )
    assert done.returncode == 0, done.stdout
    assert ran(tmp_path) == {"train_nfm": named("cuda")["train_nfm"]} == {"train_nfm": {"nfm-gpu"}}


def test_an_environment_that_cannot_be_made_stops_the_run_and_names_its_file(
    study: Path, tmp_path: Path
) -> None:
    (study / "envs/data.yaml").write_text(
        (study / "envs/data.yaml").read_text().replace("1.0", "9.9") + "name: broken\n"
    )
    failed = run(study, "--use-conda", TARGET, env=environment_variables(tmp_path))
    assert failed.returncode != 0
    assert "envs/data.yaml" in failed.stdout
    assert not (study / TARGET).exists()


def test_every_environment_is_named_by_a_rule() -> None:
    rules = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    assert [name for name in ENVIRONMENTS if f"envs/{name}.yaml" not in rules] == []
