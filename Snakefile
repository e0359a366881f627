"""Can a language model improve a recommender's list? From raw interactions to the report."""

from snakemake.utils import min_version

min_version("9.14")


configfile: "config/config.yaml"


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
include: "workflow/rules/shards.smk"
include: "workflow/rules/lists.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/settle.smk"
include: "workflow/rules/bundle.smk"


rule all:
    default_target: True
    input:
        "results/report.md",
