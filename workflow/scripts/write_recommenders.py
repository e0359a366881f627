"""Write the page that compares several recommenders."""

from pathlib import Path

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank.evaluation.comparison import Comparison
from microrank.evaluation.diagnostics import read_diagnostics
from microrank.evaluation.metrics_file import read_metrics
from microrank.evaluation.recommender import RecommenderMetrics
from microrank.files import read_json, write_text
from microrank.methods import Methods
from microrank.report.recommenders.answer import answer
from microrank.report.recommenders.compared import Compared
from microrank.report.recommenders.costs import cost_of
from microrank.report.recommenders.page import write_recommenders
from microrank.report.study import Study
from microrank.report.trainings import at_limit, read_trials
from microrank.rerank.fusion_choice import FusionChoice

given, params = snakemake.input, snakemake.params
n_fused, report = len(params.fused), params.report
studies = {
    name: Study(
        metrics=read_metrics(given.metrics[place]),
        diagnostics=read_diagnostics(given.diagnostics[place]),
        methods=Methods.from_json(params.methods[name]),
        fusions={
            fusion: FusionChoice.from_json(read_json(path))
            for fusion, path in zip(
                params.fused, given.fusions[place * n_fused : (place + 1) * n_fused], strict=True
            )
        },
        nfm=RecommenderMetrics.from_json(read_json(given.qualities[place])),
        counts={},
        settings=params.settings,
        versions={},
        confidence=report["confidence"],
        unread_share=report["unread_share"],
        margin=report["margin"],
    )
    for place, name in enumerate(params.methods)
}
trials = read_trials(params.fitted, given.trials)
compared = Compared(
    name=params.settings["study"],
    studies=studies,
    comparison=Comparison.from_json(read_json(given.comparison)),
    trials=trials,
    at_limit=at_limit(given.curve, **params.recipe, trials=trials),
    costs={
        name: cost
        for name, paths in params.benchmarks.items()
        if (cost := cost_of(map(Path, paths)))
    },
    popular=params.popular,
    unions=params.unions,
    is_synthetic=params.settings["synthetic"],
    hits_only=params.settings["subset"]["population"] == "hits",
)
write_text(snakemake.output.page, write_recommenders(compared))
log.info("%s", answer(compared).replace("**", ""))
