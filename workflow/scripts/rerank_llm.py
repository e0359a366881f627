"""Read a language model's answers and put the subset's lists into their order."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

import json

from microrank import tables
from microrank.files import write_text
from microrank.llm.prompts import load_prompt
from microrank.rerank.llm import rerank_llm

reranked = rerank_llm(
    tables.read_table(snakemake.input.subset, tables.SUBSET),
    tables.read_table(snakemake.input.responses, tables.RESPONSES),
    load_prompt(snakemake.input.prompt).answer_format,
    snakemake.params.aggregate,
)
repairs = reranked.repairs.to_json()
log.info("%s: repairs %s", snakemake.wildcards.method, repairs)
tables.write_table(reranked.rankings, snakemake.output.rankings, tables.RANKINGS)
tables.write_table(reranked.passes, snakemake.output.passes, tables.PASSES)
write_text(snakemake.output.repairs, json.dumps(repairs, indent=2) + "\n")
