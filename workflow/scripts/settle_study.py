"""Ask about more and more users until the verdict is settled, at planned looks."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

import time
from pathlib import Path

from microrank import tables
from microrank.evaluation.metrics import main_cutoffs
from microrank.files import write_text
from microrank.llm.about import with_about
from microrank.llm.prompts import load_prompt
from microrank.methods import NFM
from microrank.settle.fusions import looked_fusions
from microrank.settle.looker import Looker
from microrank.settle.looks import planned_looks
from microrank.settle.loop import settle_study
from microrank.settle.page import answer_line, settled_page
from microrank.workflow.sealing import seal_before_asking

given, params, config = snakemake.input, snakemake.params, snakemake.config
test = tables.StoredTable(given.test, tables.SPLIT)
recommendations = tables.StoredTable(given.recommendations, tables.RECOMMENDATIONS)


def orders(names, paths, recommendations):
    """Part of a fusion -> its order; the recommender's lists are an order, too."""
    rankings = [tables.StoredTable(path, tables.RANKINGS) for path in paths]
    return {NFM: recommendations, **dict(zip(names, rankings, strict=True))}


def fusions():
    """The fusions with a language model; empty where no row is one."""
    if not params.fusions:
        return {}
    [users], [lists] = given.tuning, given.tuning_recommendations
    tuning_lists = tables.StoredTable(lists, tables.RECOMMENDATIONS)
    return looked_fusions(
        params.fusions,
        orders(params.ready, given.ready, recommendations),
        tables.read_table(users, tables.SUBSET),
        orders(params.parts, given.tuning_parts, tuning_lists),
    )


looker = Looker(
    config,
    recommendations,
    [tables.StoredTable(path, tables.SPLIT) for path in (given.train, given.valid)],
    test,
    tables.read_catalogue(given.catalogue),
    {
        name: with_about(load_prompt(path), params.about["about"])
        for name, path in zip(params.asked, given.prompts, strict=True)
    },
    {name: Path(path) for name, path in zip(params.unpacked, given.weights, strict=True)},
    tunes=params.tunes,
    fusions=fusions(),
    threads=snakemake.threads,
    beside=[tables.StoredTable(path, tables.RECOMMENDATIONS) for path in given.beside],
)
seal_before_asking(config, params.study, test)
report, hours, started = config["report"], config["looks"]["hours"], time.monotonic()
course = settle_study(
    planned_looks(config["looks"]["users"], looker.everybody),
    params.methods,
    looker.see,
    margin=report["margin"],
    level=1 - report["confidence"],
    has_time=lambda: hours is None or time.monotonic() - started < hours * 3600,
)
page = settled_page(
    course,
    study=params.study,
    recommender="NFM" if params.recommender == NFM else params.recommender,
    cutoff=main_cutoffs(report["cutoffs"], config["top_k"])[-1],
    margin=report["margin"],
    simulated=params.simulated,
)
for path in snakemake.output:
    write_text(path, page)
for name in params.simulated:
    log.warning("%s is simulated: no model was asked", name)
log.info("%s The looks ended because %s.", answer_line(course).replace("**", ""), course.reason)
