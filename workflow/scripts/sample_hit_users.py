"""Draw the users whose recommendation lists the re-rankers work on."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank import tables
from microrank.data.subset import sample_hit_users

subset = sample_hit_users(
    tables.StoredTable(snakemake.input.recommendations, tables.RECOMMENDATIONS),
    [
        tables.StoredTable(path, tables.SPLIT)
        for path in (snakemake.input.train, snakemake.input.valid)
    ],
    tables.StoredTable(snakemake.input.test, tables.SPLIT),
    seed=snakemake.params.seed,
    tuning_share=snakemake.params.tuning_share,
    tunes=snakemake.params.tunes,
    beside=[tables.StoredTable(path, tables.RECOMMENDATIONS) for path in snakemake.input.beside],
    **snakemake.params.subset,
)
log.info("drew %d users", subset.num_rows)
tables.write_table(subset, snakemake.output.subset, tables.SUBSET)
