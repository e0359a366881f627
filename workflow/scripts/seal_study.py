"""Seal what shapes the study before the first question, and note what changed since."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

import json

from microrank import tables
from microrank.clock import now
from microrank.files import file_checksum, write_text
from microrank.seal import Seal, answers_by, keep_seal
from microrank.services.store import Store

# Where answers are kept shapes none of them. So it comes from the config and is no param.
given, params, store = snakemake.input, snakemake.params, snakemake.config["store"]
models = [llm["model"] for llm in params.settings["llms"].values()]
kept = Store(store["path"], offline=store["offline"])
order = tables.read_table(given.order, tables.ORDER)["user_id"].to_numpy()
seal = Seal.of(
    params.settings,
    {name: file_checksum(path) for name, path in zip(params.files, given.files, strict=True)},
    order,
    time=now(),
    kept_answers=answers_by(kept, models),
)
seals = keep_seal(kept, snakemake.wildcards.dataset, seal)
for change in seals.changes:
    log.info("changed since %s: %s", seals.kept[0].time, change)
log.info("%d users in the order; hash %s", len(order), seal.hash)
write_text(snakemake.output.seal, json.dumps(seals.to_json(), indent=2) + "\n")
