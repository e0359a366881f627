"""Position bias, repairs, popularity and agreement of all methods."""

from microrank.jobs import start_job

log = start_job(snakemake)

import json

from microrank import tables
from microrank.evaluation.diagnostics import diagnose_rankings
from microrank.files import read_json, write_text

asked = snakemake.params.asked
diagnostics = diagnose_rankings(
    {name: tables.read_table(path, tables.RANKINGS) for name, path in zip(snakemake.params.methods, snakemake.input.rankings, strict=True)},
    tables.read_table(snakemake.input.subset, tables.SUBSET),
    tables.read_table(snakemake.input.catalogue, tables.ITEMS),
    {name: tables.read_table(path, tables.RESPONSES) for name, path in zip(asked, snakemake.input.responses, strict=True)},
    {name: read_json(path) for name, path in zip(asked, snakemake.input.repairs, strict=True)},
)
log.info("looked into %d methods", len(diagnostics["methods"]))
write_text(snakemake.output.diagnostics, json.dumps(diagnostics, indent=1, allow_nan=False) + "\n")
