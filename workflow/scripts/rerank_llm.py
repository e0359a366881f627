"""Put the subset's lists into the order of a language model's answers."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

import json

from microrank import tables
from microrank.files import write_text
from microrank.llm.answer_counts import sentences
from microrank.llm.prompts import load_prompt
from microrank.rerank.answers import rerank_answers
from microrank.words import in_words

reranked = rerank_answers(
    tables.read_table(snakemake.input.subset, tables.SUBSET),
    tables.read_table(snakemake.input.responses, tables.RESPONSES),
    tables.read_catalogue(snakemake.input.catalogue),
    load_prompt(snakemake.input.prompt).answer_format,
    snakemake.params.aggregate,
)
repairs = reranked.repairs.to_json()
log.info("%s: %s", snakemake.wildcards.method, in_words(repairs))
for sentence in sentences(reranked.repairs.counts):
    log.info("%s: %s", snakemake.wildcards.method, sentence)
tables.write_table(reranked.rankings, snakemake.output.rankings, tables.RANKINGS)
tables.write_table(reranked.passes, snakemake.output.passes, tables.PASSES)
write_text(snakemake.output.repairs, json.dumps(repairs, indent=2) + "\n")
