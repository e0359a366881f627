"""Re-rank the subset's lists by a custom Python file."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank import tables
from microrank.rerank.custom import rerank_by_file

rankings = rerank_by_file(
    tables.read_table(snakemake.input.subset, tables.SUBSET),
    tables.read_table(snakemake.input.catalogue, tables.ITEMS),
    snakemake.input.method,
)
log.info("%s: re-ranked by %s", snakemake.wildcards.method, snakemake.input.method)
tables.write_table(rankings, snakemake.output.rankings, tables.RANKINGS)
