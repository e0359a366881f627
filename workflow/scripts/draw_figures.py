"""Draw the report's figures."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from pathlib import Path

from microrank.evaluation.diagnostics import read_diagnostics
from microrank.evaluation.metrics_file import read_metrics
from microrank.files import read_json
from microrank.methods import Methods
from microrank.report.figures import draw_figures
from microrank.report.results import Results
from microrank.rerank.fusion_choice import FusionChoice

given, params = snakemake.input, snakemake.params
results = Results(
    metrics=read_metrics(given.metrics),
    diagnostics=read_diagnostics(given.diagnostics),
    methods=Methods.from_json(params.methods),
    fusions={
        name: FusionChoice.from_json(read_json(path))
        for name, path in zip(params.fused, given.fusions, strict=True)
    },
    training=Path(given.training[0]) if given.training else None,
    confidence=params.confidence,
)
draw_figures(results, {name: Path(path) for name, path in snakemake.output.items()})
log.info("drew %d figures", len(snakemake.output))
