"""Re-rank the subset's lists by a custom Python file."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank import tables
from microrank.rerank.custom import rerank_by_file
from microrank.written import with_user_names

rankings = rerank_by_file(
    with_user_names(
        tables.read_table(snakemake.input.subset, tables.SUBSET),
        tables.read_table(snakemake.input.users, tables.USERS),
    ),
    tables.read_catalogue(snakemake.input.catalogue),
    snakemake.input.method,
)
log.info("%s: re-ranked by %s", snakemake.wildcards.method, snakemake.input.method)
tables.write_table(rankings, snakemake.output.rankings, tables.RANKINGS)
