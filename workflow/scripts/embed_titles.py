"""Embed the titles that the subset needs with one encoder."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank import tables
from microrank.encoders.embed import embed_titles
from microrank.encoders.local import embed_locally
from microrank.services.embeddings import embed_texts
from microrank.services.store import Store

settings = snakemake.params.encoder
name = snakemake.wildcards.encoder


def embedder(texts):
    if settings["adapter"] == "local":
        import torch

        torch.set_num_threads(snakemake.threads)
        return embed_locally(texts, settings["model"], settings.get("pooling"))
    store = Store(snakemake.config["store"]["path"], offline=snakemake.config["store"]["offline"])
    return embed_texts(
        texts,
        snakemake.config["encoders"][name],
        store,
        name=f"encoders.{name}",
        budget=snakemake.config["budget"],
    )


embedded = embed_titles(
    tables.read_table(snakemake.input.subset, tables.SUBSET),
    tables.read_table(snakemake.input.catalogue, tables.ITEMS),
    settings,
    embedder,
)
log.info("%d titles and %d histories", embedded.titles.num_rows, embedded.histories.num_rows)
tables.write_table(embedded.titles, snakemake.output.titles, embedded.titles.schema)
tables.write_table(embedded.histories, snakemake.output.histories, embedded.histories.schema)
