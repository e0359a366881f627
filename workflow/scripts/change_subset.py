"""Change what re-rankers see of the subset's users: a placebo, or a place of the held-out item."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank import tables
from microrank.data.placebos import change_subset
from microrank.data.subset import seeded_order
from microrank.tables import users_of

changed = change_subset(
    tables.read_table(snakemake.input.subset, tables.SUBSET),
    snakemake.wildcards.change,
    seeded_order(
        users_of([tables.StoredTable(snakemake.input.test, tables.SPLIT)]), snakemake.params.seed
    ),
    snakemake.params.seed,
)
log.info("%d users, changed: %s", changed.num_rows, snakemake.wildcards.change)
tables.write_table(changed, snakemake.output.subset, tables.SUBSET)
