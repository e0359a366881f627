"""Can a language model improve a recommender's list? From raw interactions to the report."""

from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

min_version("9.14")

REPOSITORY = Path(workflow.current_basedir.get_path_or_uri(secret_free=True))
if not REPOSITORY.is_dir():
    raise WorkflowError(
        f"{REPOSITORY}: microrank runs from a clone alone, since its rules import a package, and "
        "Snakemake fetches single files: clone the repository, and name the clone's Snakefile"
    )
DEFAULTS = REPOSITORY / "config" / "config.yaml"


configfile: str(DEFAULTS)


if workflow.modifier.is_main_snakefile():  # not a module, whose config is its workflow's
    for path in (Path("config/config.yaml"), Path("config.yaml")):
        if path.is_file() and not path.samefile(DEFAULTS):  # a study in a folder of its own

            configfile: str(path)


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/inputs.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/nfm.smk"
include: "workflow/rules/subset.smk"
include: "workflow/rules/encoders.smk"
include: "workflow/rules/llm.smk"
include: "workflow/rules/local_llm.smk"
include: "workflow/rules/rerank.smk"
include: "workflow/rules/fusion.smk"
include: "workflow/rules/placebo.smk"
include: "workflow/rules/noise.smk"
include: "workflow/rules/memory.smk"
include: "workflow/rules/shards.smk"
include: "workflow/rules/lists.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/recommenders.smk"
include: "workflow/rules/settle.smk"
include: "workflow/rules/bundle.smk"


rule all:
    default_target: True
    input:
        "results/report.md",
        ["results/recommenders.md"] if STUDIES.is_compared else [],


onsuccess:
    made = {job.rule.name for job in workflow.dag.needrun_jobs(exclude_finished=False)}
    for rule_name, page in (
        ("settle_study", "settled.md"),
        ("copy_report", "report.md"),
        ("write_recommenders", "recommenders.md"),
    ):
        say_last(verdict(Path("results") / page) if rule_name in made else [])


onerror:
    say_last(failures(workflow.scheduler.failed))
