"""Fuse the orders of several methods, with the number that served other users best."""

from microrank.jobs import start_job

log = start_job(snakemake)

import json

from microrank import tables
from microrank.files import write_text
from microrank.rerank.fusion import fuse_rankings


def read_part(path, users):
    return tables.rows_of(
        tables.StoredTable(path, tables.RECOMMENDATIONS if path.endswith("recommendations.parquet") else tables.RANKINGS), users
    )


subset, tuning = (tables.read_table(path, tables.SUBSET) for path in (snakemake.input.subset, snakemake.input.tuning))
fused = fuse_rankings(
    snakemake.params.fusion["fusion"],
    subset,
    [read_part(path, subset["user_id"].to_numpy()) for path in snakemake.input.parts],
    tuning,
    [read_part(path, tuning["user_id"].to_numpy()) for path in snakemake.input.tuning_parts],
)
log.info("%s: %s, chosen on %d other users", snakemake.wildcards.method, fused.chosen["chosen"], fused.chosen["tuning_users"])
tables.write_table(fused.rankings, snakemake.output.rankings, tables.RANKINGS)
write_text(snakemake.output.chosen, json.dumps({**snakemake.params.fusion, **fused.chosen}, indent=2) + "\n")
