"""Ask a language model to re-rank the subset's lists; kept answers come from the store."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank import tables
from microrank.llm.about import warn_of_misfits, with_about
from microrank.llm.prompts import load_prompt
from microrank.llm.query import chat_settings, reachable
from microrank.llm.query_service import query_service
from microrank.local_llm.asks import ask_of
from microrank.services.store import Store
from microrank.shards import Shard
from microrank.workflow.sealing import seal_before_asking
from microrank.written import with_user_names

# How to ask (rate limit, price, store, budget) shapes no answer. So it comes from the config and
# is no param: a change of it reruns nothing.
config = snakemake.config
name = snakemake.params.asked["llm"]
about = snakemake.params.about
prompt = with_about(load_prompt(snakemake.input.prompt), about["about"])
warn_of_misfits({snakemake.params.asked["prompt"]: prompt}, about)
store = Store(config["store"]["path"], offline=config["store"]["offline"])
ask = ask_of(snakemake.wildcards.reranker, snakemake.params.asked, prompt, None)
test = tables.StoredTable(snakemake.input.test, tables.SPLIT)
seal_before_asking(config, snakemake.wildcards.study, test)
with reachable(f"llms.{name}", config["llms"][name], snakemake.params.seed) as service:
    responses = query_service(
        with_user_names(
            tables.read_table(snakemake.input.subset, tables.SUBSET),
            tables.read_table(snakemake.input.users, tables.USERS),
        ),
        tables.read_catalogue(snakemake.input.catalogue),
        ask,
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
