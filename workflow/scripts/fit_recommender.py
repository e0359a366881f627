"""Fit a recommender with its best setting, and rank the whole catalogue for every user."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank import tables
from microrank.files import read_json
from microrank.recommenders.recommend import fit_recommender
from microrank.recommenders.registry import fit_of
from microrank.recommenders.threads import pin_threads
from microrank.recommenders.trials import Trials

given, params = snakemake.input, snakemake.params
pin_threads(snakemake.threads)
fit, _ = fit_of(params.settings, next(iter(given.file), None), 1)
recommendations = fit_recommender(
    fit,
    Trials.from_json(read_json(given.trials)).best,
    [tables.StoredTable(path, tables.SPLIT) for path in given.past],
    tables.read_catalogue(given.catalogue),
    params.top_k,
    seed=params.seed,
)
log.info("%s: %d lists", snakemake.wildcards.recommender, len(recommendations) // params.top_k)
tables.write_table(recommendations, snakemake.output.recommendations, tables.RECOMMENDATIONS)
