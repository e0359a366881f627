"""Ask a language model in this process about the lists; kept answers come from the store."""

from pathlib import Path

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank import tables
from microrank.llm.about import warn_of_misfits, with_about
from microrank.llm.prompts import load_prompt
from microrank.local_llm.asks import ask_of
from microrank.local_llm.query import query_local_llm
from microrank.local_llm.session import Session
from microrank.services.store import Store
from microrank.shards import Shard
from microrank.workflow.sealing import seal_before_asking

# The store and the device shape no answer. So they come from the config and are no params.
config, params = snakemake.config, snakemake.params
llm = params.asked["llm"]
weights = snakemake.input.weights
session = Session(
    f"llms.{llm}",
    {**config["llms"][llm], **params.llm},
    Store(config["store"]["path"], offline=config["store"]["offline"]),
    Path(weights[0]) if weights else None,
    snakemake.threads,
)
about = params.about
prompt = with_about(load_prompt(snakemake.input.prompt), about["about"])
warn_of_misfits({params.asked["prompt"]: prompt}, about)
test = tables.StoredTable(snakemake.input.test, tables.SPLIT)
seal_before_asking(config, snakemake.wildcards.study, test)
responses = query_local_llm(
    tables.read_table(snakemake.input.subset, tables.SUBSET),
    tables.read_catalogue(snakemake.input.catalogue),
    ask_of(snakemake.wildcards.reranker, params.asked, prompt, params.llm.get("max_tokens")),
    session,
    seed=params.seed,
    passes=params.asked["passes"],
    shuffle=params.asked["shuffle"],
    shard=Shard.from_json(params.shard),
)
log.info("%d answers", responses.num_rows)
tables.write_table(responses, snakemake.output.responses, tables.RESPONSES)
