"""Hit rate and NDCG of the recommender's lists over all users."""

from microrank.jobs import start_job

log = start_job(snakemake)

import json

import numpy as np
from microrank import tables
from microrank.files import write_text
from microrank.nfm.evaluate import evaluate_nfm

trained_on = [tables.read_table(path, tables.SPLIT, ["item_id"]) for path in snakemake.input.trained_on]
metrics = evaluate_nfm(
    tables.read_table(snakemake.input.recommendations, tables.RECOMMENDATIONS),
    tables.read_table(snakemake.input.test, tables.SPLIT),
    np.unique(np.concatenate([split["item_id"].to_numpy() for split in trained_on])),
)
write_text(snakemake.output.metrics, json.dumps(metrics, indent=2) + "\n")
log.info("over %d users: %s", metrics["n_users"], metrics["all_users"])
