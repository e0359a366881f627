"""What the shipped SLURM profile asks for each rule, seen in dry runs.

The executor is not installed here: a stub knows its settings, and
fails what it is sent."""

import re
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import yaml
from commandline import REPORT, ROOT, run

PROFILE = yaml.safe_load((ROOT / "profiles/slurm/profile.yaml").read_text())

STUB = """
from dataclasses import dataclass, field
from typing import Optional
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor
from snakemake_interface_executor_plugins.settings import CommonSettings, ExecutorSettingsBase

@dataclass
class ExecutorSettings(ExecutorSettingsBase):
    status_command: Optional[str] = field(default=None, metadata={"help": "-"})
    init_seconds_before_status_checks: Optional[int] = field(default=None, metadata={"help": "-"})

common_settings = CommonSettings(
    non_local_exec=True, implies_no_shared_fs=False, job_deploy_sources=False
)

class Executor(RemoteExecutor):
    def run_job(self, job):
        print("sent to a node:", job.rule.name, flush=True)
        self.report_job_error(SubmittedJobInfo(job))

    async def check_active_jobs(self, active_jobs):
        for job in active_jobs:
            yield job

    def cancel_jobs(self, active_jobs):
        pass
"""


def by_profile(study: Path, stubs: Path, *arguments: str) -> CompletedProcess:
    """A run by the profile, through the stub."""
    (stubs / "snakemake_executor_plugin_slurm").mkdir(parents=True)
    (stubs / "snakemake_executor_plugin_slurm/__init__.py").write_text(STUB)
    return run(study, "--profile", "profiles/slurm", *arguments, env={"PYTHONPATH": str(stubs)})


def asked(study: Path, stubs: Path, *arguments: str) -> dict[str, dict[str, int]]:
    """Rule -> megabytes, minutes, processors, and GPUs where any are asked for."""
    printed = by_profile(study, stubs, "-n", "-F", REPORT, *arguments)
    assert printed.returncode == 0, printed.stdout
    found = {}
    for text in re.split(r"^rule ", printed.stdout, flags=re.MULTILINE)[1:]:
        resources = text.split("    resources: ")[1].split("\n")[0]
        threads = re.search(r"^    threads: (\d+)", text, re.MULTILINE)
        numbers = {
            key: int(value) for key, value in re.findall(r"\b(mem_mb|runtime|gpu)=(\d+)", resources)
        }
        found[text.split(":")[0]] = numbers | {"cpus": int(threads[1]) if threads else 1}
    return found


def test_every_rule_asks_slurm_for_its_memory_minutes_and_processors(
    finished: tuple[Path, str, Path], tmp_path: Path
) -> None:
    found = asked(finished[0], tmp_path)
    assert len(found) > 12
    two = {rule for rule, resources in found.items() if resources["cpus"] == 2}
    assert two == {"train_nfm", "refit_nfm", "recommend_top_k", "embed_titles"}
    for rule, resources in found.items():
        settings = PROFILE["default-resources"] | PROFILE["set-resources"].get(rule, {})
        expected = {key: eval(str(settings[key]), {"attempt": 1}) for key in ("mem_mb", "runtime")}
        assert resources == expected | {"cpus": resources["cpus"]}, (
            "no GPU, which would wait for ever where there is none"
        )


def test_a_training_on_gpus_asks_for_one_a_process_and_nothing_else_asks_for_any(
    study: Path, tmp_path: Path
) -> None:
    (study / "gpu.yaml").write_text(yaml.safe_dump({"nfm": {"device": "cuda", "processes": 2}}))
    found = asked(study, tmp_path / "stubs", "--configfile", "gpu.yaml")
    assert {rule: resources["gpu"] for rule, resources in found.items() if "gpu" in resources} == {
        "train_nfm": 2,
        "refit_nfm": 2,
        "recommend_top_k": 1,
    }


def test_raw_files_are_fetched_where_the_run_was_started_since_nodes_may_have_no_way_out(
    study: Path, tmp_path: Path
) -> None:
    mine = {
        "pairs": "resources/mine/pairs.tsv",
        "titles": "resources/mine/titles.csv",
        "url": "http://127.0.0.1:9/",
    }
    (study / "mine.yaml").write_text(yaml.safe_dump({"datasets": {"mine": mine}}))
    arguments = ("--restart-times", "0", "--configfile", "mine.yaml", "--")
    fetched = by_profile(study, tmp_path / "one", *arguments, mine["pairs"])
    assert "fetch_microlens: http://127.0.0.1:9/pairs.tsv: " in fetched.stdout, fetched.stdout
    assert "sent to a node" not in fetched.stdout
    (study / "resources/sample/pairs.tsv").unlink()
    made = by_profile(study, tmp_path / "two", *arguments, "resources/sample/pairs.tsv")
    assert "sent to a node: make_sample" in made.stdout, made.stdout


def test_more_memory_is_asked_for_at_the_next_attempt() -> None:
    settings = [PROFILE["default-resources"], *PROFILE["set-resources"].values()]
    memory = [one["mem_mb"] for one in settings if "mem_mb" in one]
    assert [
        expression for expression in memory if not re.fullmatch(r"\d+ \* attempt", expression)
    ] == []


def test_the_profile_names_no_account_which_the_executor_would_refuse_where_none_are_kept() -> None:
    assert "slurm_account" not in PROFILE["default-resources"]


@pytest.mark.parametrize("profile", ["slurm", "kubernetes"])
def test_profiles_give_resources_to_rules_that_there_are(profile: str) -> None:
    rules = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    known = set(re.findall(r"^(?:use rule \w+ as|rule) (\w+)", rules, re.MULTILINE))
    assert (
        set(
            yaml.safe_load((ROOT / f"profiles/{profile}/profile.yaml").read_text())["set-resources"]
        )
        <= known
    )
