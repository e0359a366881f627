"""Say what asking for the answers that are missing would take; nobody is asked."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from pathlib import Path

from microrank import tables
from microrank.files import write_text
from microrank.llm.about import warn_of_misfits, with_about, with_misfits
from microrank.llm.prompts import UNKNOWN_ITEMS, load_prompt
from microrank.services.store import Store
from microrank.settle.looker import Looker
from microrank.write_forecast import AskedAbout, write_forecast

given, params, config = snakemake.input, snakemake.params, snakemake.config
groups = [AskedAbout(tables.read_table(given.subset, tables.SUBSET), params.methods)]
for path in given.tuning:
    users = tables.read_table(path, tables.SUBSET)
    groups.append(AskedAbout(users, params.tuned, ", tuning"))
for (name, change), path in zip(params.changed, given.changed, strict=True):
    users = tables.read_table(path, tables.SUBSET)
    groups.append(AskedAbout(users, [name], f", {change}", subtracts=change != "none"))
for name, number in params.again:
    groups.append(AskedAbout(groups[0].users, [name], f", answer {number}", answer=number))
prompts = {
    Path(path).stem: with_about(load_prompt(path), params.about["about"]) for path in given.prompts
}
catalogue = tables.read_catalogue(given.catalogue)
looker = Looker(
    {**config, "store": {**config["store"], "offline": True}},  # counts, and asks nobody
    tables.StoredTable(given.recommendations, tables.RECOMMENDATIONS),
    [tables.StoredTable(path, tables.SPLIT) for path in (given.train, given.valid)],
    tables.StoredTable(given.test, tables.SPLIT),
    catalogue,
    {name: prompts[config["rerankers"][name]["prompt"]] for name in params.asked},
    {},
    tunes=params.tunes,
    beside=[tables.StoredTable(path, tables.RECOMMENDATIONS) for path in given.beside],
)
page = write_forecast(
    config,
    groups,
    catalogue,
    prompts,
    Store(config["store"]["path"], offline=config["store"]["offline"]),
    looker=looker,
    n_tests=params.n_tests,
    items=(params.about["about"] or UNKNOWN_ITEMS)["items"],
)
write_text(snakemake.output.forecast, with_misfits(page, warn_of_misfits(prompts, params.about)))
log.info("%s", page.splitlines()[2].replace("**", ""))
log.info("%s", next(line for line in page.splitlines() if line.startswith("In all")))
