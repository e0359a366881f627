"""Compare the lists of several recommenders, and what re-ranking does to each."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

import json

from microrank import tables
from microrank.evaluation.compare_recommenders import Reranked, compare_recommenders
from microrank.evaluation.settings import Scoring
from microrank.files import write_text

given, params = snakemake.input, snakemake.params
n_methods = len(params.methods)
studies = {
    name: Reranked(
        tables.StoredTable(given.recommendations[place], tables.RECOMMENDATIONS),
        tables.read_table(given.subsets[place], tables.SUBSET),
        {
            method: tables.read_table(path, tables.RANKINGS)
            for method, path in zip(
                params.methods,
                given.rankings[place * n_methods : (place + 1) * n_methods],
                strict=True,
            )
        },
    )
    for place, name in enumerate(params.recommenders)
}
comparison = compare_recommenders(
    studies,
    [tables.StoredTable(path, tables.SPLIT) for path in (given.train, given.valid)],
    tables.StoredTable(given.test, tables.SPLIT),
    tables.read_table(given.catalogue, tables.ITEMS),
    Scoring.from_config(params.report),
    primary=params.primary,
    seed=params.seed,
)
log.info("compared %d recommenders", len(studies))
text = json.dumps(comparison.to_json(), indent=1, allow_nan=False)
write_text(snakemake.output.comparison, f"{text}\n")
