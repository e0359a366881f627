"""Take the vectors that a bundle holds: embedding again could give other last bits."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank import tables

for name in ("titles", "histories"):
    vectors = tables.read_table(snakemake.input[name])
    tables.write_table(vectors, snakemake.output[name], vectors.schema)
    log.info("%d vectors of %s", vectors.num_rows, name)
