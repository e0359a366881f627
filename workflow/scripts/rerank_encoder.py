"""Re-rank the subset's lists by the similarity of titles."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank import tables
from microrank.rerank.encoder import rerank_encoder
from microrank.words import in_words

rankings = rerank_encoder(
    tables.read_table(snakemake.input.subset, tables.SUBSET),
    tables.read_table(snakemake.input.titles),
    tables.read_table(snakemake.input.histories),
    snakemake.params.reranker["history"],
)
log.info("%s: re-ranked by %s", snakemake.wildcards.method, in_words(snakemake.params.reranker))
tables.write_table(rankings, snakemake.output.rankings, tables.RANKINGS)
