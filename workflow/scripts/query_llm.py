"""Ask a language model to re-rank the subset's lists; kept answers come from the store."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank import tables
from microrank.llm.prompts import load_prompt
from microrank.llm.query import chat_settings, query_llm, reachable
from microrank.services.store import Store
from microrank.shards import Shard

# How to ask (rate limit, price, store, budget) shapes no answer. So it comes from the config and
# is no param: a change of it reruns nothing.
config = snakemake.config
name = snakemake.params.asked["llm"]
store = Store(config["store"]["path"], offline=config["store"]["offline"])
with reachable(f"llms.{name}", config["llms"][name], snakemake.params.seed) as service:
    responses = query_llm(
        tables.read_table(snakemake.input.subset, tables.SUBSET),
        tables.read_table(snakemake.input.catalogue, tables.ITEMS),
        load_prompt(snakemake.input.prompt),
        chat_settings(snakemake.params.llm, snakemake.params.seed),
        store,
        service=service,
        seed=snakemake.params.seed,
        passes=snakemake.params.asked["passes"],
        shuffle=snakemake.params.asked["shuffle"],
        budget=config["budget"],
        shard=Shard.from_json(snakemake.params.shard),
    )
log.info("%d answers", responses.num_rows)
tables.write_table(responses, snakemake.output.responses, tables.RESPONSES)
