"""Fuse the orders of several methods, with the number that was best for other users."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

import json

from microrank import tables
from microrank.files import write_text
from microrank.rerank.fusion import fuse_rankings


def read_parts(paths, users):
    """The rows of these users in each of `paths`, which stand in the order of `of`."""
    schemas = [
        tables.RECOMMENDATIONS if name == "nfm" else tables.RANKINGS
        for name in snakemake.params.fusion["of"]
    ]
    return [
        tables.rows_of(tables.StoredTable(path, schema), users)
        for path, schema in zip(paths, schemas, strict=True)
    ]


subset, tuning = (
    tables.read_table(path, tables.SUBSET)
    for path in (snakemake.input.subset, snakemake.input.tuning)
)
fused = fuse_rankings(
    snakemake.params.fusion["fusion"],
    subset,
    read_parts(snakemake.input.parts, subset["user_id"].to_numpy()),
    tuning,
    read_parts(snakemake.input.tuning_parts, tuning["user_id"].to_numpy()),
    of=snakemake.params.fusion["of"],
)
choice = fused.choice
log.info(
    "%s: %s, chosen on %d other users",
    snakemake.wildcards.method,
    choice.chosen,
    choice.tuning_users,
)
tables.write_table(fused.rankings, snakemake.output.rankings, tables.RANKINGS)
write_text(snakemake.output.chosen, json.dumps(choice.to_json(), indent=2) + "\n")
