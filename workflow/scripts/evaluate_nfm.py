"""Hit rate and NDCG of the recommender's lists over all users."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

import json

from microrank import tables
from microrank.evaluation.recommender import evaluate_nfm
from microrank.files import write_text
from microrank.words import in_words

given = snakemake.input
metrics = evaluate_nfm(
    tables.StoredTable(given.recommendations, tables.RECOMMENDATIONS),
    tables.StoredTable(given.test, tables.SPLIT),
    [tables.StoredTable(path, tables.SPLIT) for path in given.trained_on],
    [tables.StoredTable(path, tables.SPLIT) for path in given.past],
)
write_text(snakemake.output.metrics, json.dumps(metrics.to_json(), indent=2) + "\n")
log.info("over %d users: %s", metrics.n_users, in_words(metrics.all_users.values))
log.info("%s", metrics.popularity.in_words())
