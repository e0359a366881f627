"""Rank the whole catalogue for every user with the trained model."""

from microrank.jobs import start_job

log = start_job(snakemake)

import torch
from microrank import tables
from microrank.nfm.checkpoint import load_model
from microrank.nfm.rank import recommend_top_k

torch.set_num_threads(snakemake.threads)
model, settings = load_model(snakemake.input.model)
recommendations = recommend_top_k(
    model,
    [tables.read_table(path, tables.SPLIT) for path in (snakemake.input.train, snakemake.input.valid)],
    tables.read_table(snakemake.input.catalogue, tables.ITEMS),
    snakemake.params.top_k,
    history_length=settings.history_length,
)
tables.write_table(recommendations, snakemake.output.recommendations, tables.RECOMMENDATIONS)
