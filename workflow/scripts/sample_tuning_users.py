"""Draw the users on whose last but one item fusions are tuned."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank import tables
from microrank.data.subset import sample_tuning_users

tuning = sample_tuning_users(
    tables.StoredTable(snakemake.input.recommendations, tables.RECOMMENDATIONS),
    tables.StoredTable(snakemake.input.train, tables.SPLIT),
    tables.StoredTable(snakemake.input.valid, tables.SPLIT),
    seed=snakemake.params.seed,
    sample_size=snakemake.params.tuning["sample_size"],
    history_length=snakemake.params.history_length,
    tuning_share=snakemake.params.tuning["share"],
)
log.info("drew %d users of those set aside", tuning.num_rows)
tables.write_table(tuning, snakemake.output.subset, tables.SUBSET)
