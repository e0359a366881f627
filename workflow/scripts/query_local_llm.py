"""Ask a language model in this process about the subset's lists; kept answers come from the store."""

from pathlib import Path

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank import tables
from microrank.llm.prompts import load_prompt
from microrank.local_llm.asks import ask_of
from microrank.local_llm.query import query_local_llm
from microrank.local_llm.session import local_answers, local_settings
from microrank.services.store import Store
from microrank.shards import Shard

# The store and the device shape no answer. So they come from the config and are no params.
config, params = snakemake.config, snakemake.params
name = f"llms.{params.asked['llm']}"
section = {**config["llms"][params.asked["llm"]], **params.llm}
folder = Path(snakemake.input.weights[0]) if snakemake.input.weights else None
store = Store(config["store"]["path"], offline=config["store"]["offline"])
prompt = load_prompt(snakemake.input.prompt)
responses = query_local_llm(
    tables.read_table(snakemake.input.subset, tables.SUBSET),
    tables.read_table(snakemake.input.catalogue, tables.ITEMS),
    ask_of(snakemake.wildcards.reranker, params.asked, prompt, section.get("max_tokens")),
    local_settings(name, section, folder),
    section,
    store,
    answer=local_answers(name, section, folder, store, snakemake.threads),
    seed=params.seed,
    passes=params.asked["passes"],
    shuffle=params.asked["shuffle"],
    shard=Shard.from_json(params.shard),
)
log.info("%d answers", responses.num_rows)
tables.write_table(responses, snakemake.output.responses, tables.RESPONSES)
