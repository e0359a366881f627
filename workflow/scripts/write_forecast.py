"""Say what asking for the answers that are missing would take; nobody is asked."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from pathlib import Path

from microrank import tables
from microrank.encoders.planned_requests import planned_embeddings
from microrank.files import write_text
from microrank.llm.planned_requests import planned_questions
from microrank.llm.prompts import load_prompt
from microrank.services.budget import Budget
from microrank.services.forecast import write_forecast
from microrank.services.store import Store

config = snakemake.config
store = Store(config["store"]["path"], offline=config["store"]["offline"])
prompts = {Path(path).stem: load_prompt(path) for path in snakemake.input.prompts}
catalogue = tables.read_table(snakemake.input.catalogue, tables.ITEMS)
plans = []
for methods, users, suffix in (
    (snakemake.params.methods, [snakemake.input.subset], ""),
    (snakemake.params.tuned, snakemake.input.tuning, ", tuning"),
):
    for path in users:
        subset = tables.read_table(path, tables.SUBSET)
        plans += planned_questions(
            config, methods, subset, catalogue, prompts.__getitem__, suffix=suffix
        )
        plans += planned_embeddings(config, methods, subset, catalogue, suffix=suffix)
text = write_forecast(plans, store, Budget.from_config(config["budget"], store), config["dataset"])
write_text(snakemake.output.forecast, text)
log.info("%s", next(line for line in text.splitlines() if line.startswith("In all")))
