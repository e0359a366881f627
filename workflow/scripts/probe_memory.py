"""Ask a language model to complete titles from their first half."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

import json
from pathlib import Path

from microrank import tables
from microrank.data.first_seen import FIRST_SEEN, with_first_seen
from microrank.files import write_text
from microrank.llm.prompts import UNKNOWN_ITEMS
from microrank.llm.query import chat_settings, reachable
from microrank.local_llm.session import Session
from microrank.memory.newer import newer_items
from microrank.memory.probe import ask_locally, ask_service, memory_of
from microrank.memory.titles import half_titles
from microrank.services.adapters import LOCAL
from microrank.services.store import Store
from microrank.workflow.sealing import seal_before_asking

given, params, config = snakemake.input, snakemake.params, snakemake.config
llm = snakemake.wildcards.llm
section, name = {**config["llms"][llm], **params.llm}, f"llms.{llm}"
store = Store(config["store"]["path"], offline=config["store"]["offline"])
seal_before_asking(config, snakemake.wildcards.study, tables.StoredTable(given.test, tables.SPLIT))
catalogue = tables.read_catalogue(given.catalogue)
dated = catalogue
for path in given.first_seen:
    dated = with_first_seen(catalogue, tables.read_table(path, FIRST_SEEN))
halves = half_titles(
    tables.read_table(given.subset, tables.SUBSET), catalogue, params.titles, params.seed
)
items = (params.about["about"] or UNKNOWN_ITEMS)["items"]
if section["adapter"] == LOCAL:
    folder = Path(given.weights[0]) if given.weights else None
    answers = ask_locally(halves, Session(name, section, store, folder, snakemake.threads), items)
else:
    with reachable(name, section, params.seed) as service:
        answers = ask_service(
            halves,
            chat_settings(section, params.seed),
            store,
            service=service,
            items=items,
            gives_likelihoods=params.gives_likelihoods,
            budget=config["budget"],
        )
newer = newer_items(dated, params.item_date, params.until)
memory = memory_of(llm, halves, answers, until=params.until, newer=newer)
log.info("%s: completed %d of %d titles", llm, memory.everything.exact, memory.everything.titles)
write_text(snakemake.output.memory, json.dumps(memory.to_json(), indent=1) + "\n")
