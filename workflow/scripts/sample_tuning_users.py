"""Draw the users on whose last but one item fusions are tuned."""

from microrank.jobs import start_job

log = start_job(snakemake)

from microrank import tables
from microrank.subset import sample_tuning_users

tuning = sample_tuning_users(
    tables.StoredTable(snakemake.input.recommendations, tables.RECOMMENDATIONS),
    tables.StoredTable(snakemake.input.train, tables.SPLIT),
    tables.StoredTable(snakemake.input.valid, tables.SPLIT),
    tables.read_table(snakemake.input.subset, tables.SUBSET),
    seed=snakemake.params.seed,
    sample_size=snakemake.params.tuning["sample_size"],
    history_length=snakemake.params.history_length,
)
log.info("drew %d users, none of them of the subset", tuning.num_rows)
tables.write_table(tuning, snakemake.output.subset, tables.SUBSET)
