"""Draw the report's figures."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from pathlib import Path

from microrank.evaluation.metrics_file import read_metrics
from microrank.files import read_json
from microrank.report.figures import draw_figures

draw_figures(
    read_metrics(snakemake.input.metrics),
    read_json(snakemake.input.diagnostics),
    Path(snakemake.input.training[0]) if snakemake.input.training else None,
    snakemake.params.kinds,
    {
        name: read_json(path)
        for name, path in zip(snakemake.params.fused, snakemake.input.fusions, strict=True)
    },
    confidence=snakemake.params.confidence,
    paths={name: Path(path) for name, path in snakemake.output.items()},
)
log.info("drew %d figures", len(snakemake.output))
