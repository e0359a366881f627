"""Re-rank the subset's lists by a reference method, which needs no language model."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank import tables
from microrank.rerank.bm25 import rank_by_bm25
from microrank.rerank.item_knn import rank_by_item_knn
from microrank.rerank.popularity import rank_by_popularity
from microrank.rerank.random import rank_randomly

subset = tables.read_table(snakemake.input.subset, tables.SUBSET)
items = tables.read_table(snakemake.input.catalogue, tables.ITEMS)
past = [tables.StoredTable(path, tables.SPLIT) for path in snakemake.input.past]
methods = {
    "random": lambda: rank_randomly(subset, snakemake.params.seed),
    "popularity": lambda: rank_by_popularity(subset, items),
    "bm25": lambda: rank_by_bm25(subset, items),
    "item-knn": lambda: rank_by_item_knn(subset, past),
}
rankings = methods[snakemake.params.reference]()
log.info(
    "%s: re-ranked %d users by %s",
    snakemake.wildcards.method,
    subset.num_rows,
    snakemake.params.reference,
)
tables.write_table(rankings, snakemake.output.rankings, tables.RANKINGS)
