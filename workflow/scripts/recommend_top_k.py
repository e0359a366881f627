"""Rank the whole catalogue for every user with the trained model."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank import tables
from microrank.nfm.checkpoint import load_model
from microrank.nfm.device import choose_device
from microrank.nfm.rank import recommend_top_k
from microrank.shards import Shard

given, params = snakemake.input, snakemake.params
model, recipe = load_model(given.model, choose_device(params.device, snakemake.threads))
recommendations = recommend_top_k(
    model,
    [tables.StoredTable(path, tables.SPLIT) for path in given.past],
    tables.read_table(given.catalogue, tables.ITEMS),
    params.top_k,
    history_length=recipe.history_length,
    shard=Shard.from_json(params.shard),
)
tables.write_table(recommendations, snakemake.output.recommendations, tables.RECOMMENDATIONS)
