"""Write the main table in LaTeX and the main figure as pdf, for a paper."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from pathlib import Path

from microrank.evaluation.diagnostics import read_diagnostics
from microrank.evaluation.metrics_file import read_metrics
from microrank.files import write_text
from microrank.methods import Methods
from microrank.report.paper import write_paper
from microrank.report.study import Study

given, params, made = snakemake.input, snakemake.params, snakemake.output
study = Study(
    metrics=read_metrics(given.metrics),
    diagnostics=read_diagnostics(given.diagnostics),
    methods=Methods.from_json(params.methods),
    settings=params.settings,
    counts={},
    nfm=None,
    versions={},
    confidence=params.report["confidence"],
    unread_share=params.report["unread_share"],
    margin=params.report["margin"],
)
write_text(made.paper, write_paper(study, Path(made.figure)))
log.info("%s has the table, %s the figure", made.paper, made.figure)
