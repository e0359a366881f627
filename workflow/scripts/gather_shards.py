"""Make one table of its shards."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank import tables
from microrank.shards import gather_shards

schema = tables.RESPONSES if "responses/" in snakemake.wildcards.table else tables.RECOMMENDATIONS
rows = gather_shards(snakemake.input.shards, snakemake.output.table, schema)
log.info("%d rows of %d shards", rows, len(snakemake.input.shards))
