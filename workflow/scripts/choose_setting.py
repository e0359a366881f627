"""Try settings of a recommender on train, and judge them on valid."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

import json

from microrank import tables
from microrank.files import write_text
from microrank.recommenders.choose import choose_setting
from microrank.recommenders.registry import fit_of
from microrank.recommenders.threads import pin_threads

given, params = snakemake.input, snakemake.params
pin_threads(snakemake.threads)
fit, settings = fit_of(params.settings, next(iter(given.file), None), params.search["trials"])
trials = choose_setting(
    fit,
    settings,
    tables.StoredTable(given.train, tables.SPLIT),
    tables.read_table(given.valid, tables.SPLIT),
    tables.read_catalogue(given.catalogue),
    seed=params.seed,
    valid_users=params.search["valid_users"],
)
write_text(snakemake.output.trials, json.dumps(trials.to_json(), indent=1) + "\n")
log.info("%s: %s is the best of %d", snakemake.wildcards.recommender, trials.best, len(settings))
