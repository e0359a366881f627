"""Hit rate and NDCG of the recommender's lists over all users."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

import json

import numpy as np
from microrank import tables
from microrank.evaluation.recommender import evaluate_nfm
from microrank.files import write_text

splits = [tables.StoredTable(path, tables.SPLIT) for path in snakemake.input.trained_on]
metrics = evaluate_nfm(
    tables.StoredTable(snakemake.input.recommendations, tables.RECOMMENDATIONS),
    tables.StoredTable(snakemake.input.test, tables.SPLIT),
    np.unique(
        np.concatenate(
            [
                np.unique(batch["item_id"].to_numpy())
                for split in splits
                for batch in split.to_batches()
            ]
        )
    ),
)
write_text(snakemake.output.metrics, json.dumps(metrics, indent=2) + "\n")
log.info("over %d users: %s", metrics["n_users"], metrics["all_users"])
