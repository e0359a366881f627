"""Helpers of all stages: the checked config, the source digests and where files lie. No rules.

Needs: config/config.yaml, workflow/schemas/config.schema.yaml
"""

import os
import sys

SCRIPTS = REPOSITORY / "workflow" / "scripts"
sys.path.insert(0, str(SCRIPTS))

from microrank.workflow import sources
from microrank.workflow.claims import check_claims, claim_files
from microrank.workflow.last_words import failures, say_last, verdict
from microrank.workflow.place import find_file
from microrank.workflow.start import checked_config
from microrank.workflow.studies import Studies
from microrank.services.adapters import ADAPTERS, IN_PROCESS, LOCAL
from microrank.workflow.wildcards import any_of, rerankers_asking, rerankers_with
from microrank.errors import StudyError
from microrank.methods import NFM, Methods, asking, names_of

FILES_HERE = workflow.storage_settings.default_storage_provider is None
try:
    config = checked_config(
        config, sys.argv[1:], files_here=FILES_HERE, config_files=workflow.configfiles
    )
    STUDIES = Studies(config)
    CLAIMS = claim_files(STUDIES, files_here=FILES_HERE)
    if workflow.is_main_process:  # jobs need not wait for it again
        check_claims(CLAIMS)
except StudyError as error:
    say_last([str(error)])
    raise WorkflowError(str(error)) from None

STUDY = f"results/{STUDIES.name}"
DATA = f"results/{config['dataset']}"
METHODS = Methods.from_config(config)
ANSWERED = asking(METHODS.used)  # rows and parts of fusions that ask a language model
ANSWERED_FOR_TUNING = asking(METHODS.tuned)
ATTRIBUTED = asking(METHODS.shown)
CHANGED = METHODS.changed  # (method, change): see placebo.smk
ASKED_AGAIN = METHODS.asked_again  # (method, number of the answer): see noise.smk


def source_digest(rule_name):
    """A param: SHA-256 over a rule's script and the package modules that it imports."""
    return sources.source_digest(SCRIPTS / f"{rule_name}.py")


def folder_of(wildcards):
    """The folder that a job writes to: a study's, or a data set's for its splits and lists."""
    return wildcards.get("study") or wildcards.dataset


def seed_of(wildcards):
    """A param: the study's seed, or a repeat's own."""
    return STUDIES.seed(folder_of(wildcards))


def data_file(name):
    """An input: a file of the data set that the job's study is about."""
    return lambda wildcards: f"results/{STUDIES.data_of(folder_of(wildcards))}/{name}"


def users_file(wildcards):
    """An input: the users whose lists are re-ranked, or on whom fusions are tuned."""
    is_subset = not wildcards.group or wildcards.group.startswith("answer-")
    return f"results/{wildcards.study}/{'subset/' if is_subset else wildcards.group}users.parquet"


def past_files(wildcards):
    """An input: the splits that came before the items to find."""
    is_tuning = "tuning" in (wildcards.get("lists"), wildcards.get("group", "").rstrip("/"))
    names = ["train"] if is_tuning else ["train", "valid"]
    return [data_file(f"splits/{name}.parquet")(wildcards) for name in names]


def as_written(path):
    """A path that stays as the config has it where a module puts a prefix before all others."""
    return local(path) if FILES_HERE else path


def repository_file(path):
    """Where a file of the user's or of the repository is; it travels along to a storage."""
    return as_written(find_file(path)) if FILES_HERE else workflow.source_path(f"../../{path}")


def prompt_of(name):
    """The path of a method's prompt."""
    return repository_file(f"{config['prompts']}/{config['rerankers'][name]['prompt']}.yaml")


def reranker_of(wildcards):
    """A method's settings."""
    return config["rerankers"][wildcards.method]


def shard_path(rule_name, path):
    """The path; or where the config cuts the rule, one shard's: of x.csv x/{shard}-of-4.csv."""
    stem, suffix = os.path.splitext(path)
    count = config["shards"][rule_name]
    return path if count == 1 else f"{stem}/{{shard}}-of-{count}{suffix}"


def shard_output(rule_name, path):
    """The same for a table: a shard's is deleted once `gather_shards` has made the whole of it."""
    return path if config["shards"][rule_name] == 1 else temp(shard_path(rule_name, path))


def shard_of(rule_name):
    """A param: the shard, as `Shard.to_json` gives it."""
    return lambda wildcards: [int(wildcards.get("shard", 0)), config["shards"][rule_name]]


wildcard_constraints:
    dataset=any_of(STUDIES.data_folders),
    study=any_of(STUDIES.all_seeds),
    group=r"((tuning|looks|placebo-[a-z]+|answer-\d+)/)?",
    shard=r"\d+",
