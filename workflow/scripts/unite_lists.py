"""Make one list of the first places of several recommenders' lists."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank import tables
from microrank.recommenders.union import unite_lists

pools = unite_lists(
    [tables.StoredTable(path, tables.RECOMMENDATIONS) for path in snakemake.input.parts],
    snakemake.params.top_k,
)
log.info("united the lists of %d users", len(pools) // snakemake.params.top_k)
tables.write_table(pools, snakemake.output.recommendations, tables.RECOMMENDATIONS)
