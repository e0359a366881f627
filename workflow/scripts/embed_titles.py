"""Embed the titles that the subset needs with one encoder."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank import tables
from microrank.encoders.embed_titles import embed_titles
from microrank.encoders.embedder import embedder_of

embedded = embed_titles(
    tables.read_table(snakemake.input.subset, tables.SUBSET),
    tables.read_table(snakemake.input.catalogue, tables.ITEMS),
    snakemake.params.encoder,
    embedder_of(snakemake.wildcards.encoder, snakemake.config, snakemake.threads),
)
log.info("%d titles and %d histories", embedded.titles.num_rows, embedded.histories.num_rows)
tables.write_table(embedded.titles, snakemake.output.titles, embedded.titles.schema)
tables.write_table(embedded.histories, snakemake.output.histories, embedded.histories.schema)
