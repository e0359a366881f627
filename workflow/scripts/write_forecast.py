"""Say what asking for the answers that are missing would take; nobody is asked."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from pathlib import Path

from microrank import tables
from microrank.files import write_text
from microrank.llm.about import warn_of_misfits, with_about, with_misfits
from microrank.llm.prompts import load_prompt
from microrank.services.store import Store
from microrank.write_forecast import AskedAbout, write_forecast

config = snakemake.config
subset = tables.read_table(snakemake.input.subset, tables.SUBSET)
groups = [AskedAbout(subset, snakemake.params.methods)]
for path in snakemake.input.tuning:
    users = tables.read_table(path, tables.SUBSET)
    groups.append(AskedAbout(users, snakemake.params.tuned, ", tuning"))
about = snakemake.params.about
prompts = {
    Path(path).stem: with_about(load_prompt(path), about["about"])
    for path in snakemake.input.prompts
}
page = write_forecast(
    config,
    groups,
    tables.read_catalogue(snakemake.input.catalogue),
    prompts,
    Store(config["store"]["path"], offline=config["store"]["offline"]),
)
write_text(snakemake.output.forecast, with_misfits(page, warn_of_misfits(prompts, about)))
log.info("%s", next(line for line in page.splitlines() if line.startswith("In all")))
