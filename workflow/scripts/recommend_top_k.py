"""Rank the whole catalogue for every user with the trained model."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank import tables
from microrank.nfm.checkpoint import load_model
from microrank.nfm.device import choose_device
from microrank.nfm.rank import recommend_top_k

model, recipe = load_model(
    snakemake.input.model, choose_device(snakemake.params.device, snakemake.threads)
)
recommendations = recommend_top_k(
    model,
    [tables.StoredTable(path, tables.SPLIT) for path in snakemake.input.past],
    tables.read_table(snakemake.input.catalogue, tables.ITEMS),
    snakemake.params.top_k,
    history_length=recipe.history_length,
    shard=snakemake.params.shard,
)
tables.write_table(recommendations, snakemake.output.recommendations, tables.RECOMMENDATIONS)
