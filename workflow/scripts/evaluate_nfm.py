"""Hit rate and NDCG of the recommender's lists over all users."""

from microrank.jobs import start_job

log = start_job(snakemake)

import json

from microrank import tables
from microrank.files import write_text
from microrank.nfm.evaluate import evaluate_nfm

metrics = evaluate_nfm(
    tables.read_table(snakemake.input.recommendations, tables.RECOMMENDATIONS),
    tables.read_table(snakemake.input.test, tables.SPLIT),
    tables.read_table(snakemake.input.catalogue, tables.ITEMS),
)
write_text(snakemake.output.metrics, json.dumps(metrics, indent=2) + "\n")
log.info("over %d users: %s", metrics["n_users"], metrics["all_users"])
