"""Draw the report's figures."""

from microrank.jobs import start_job

log = start_job(snakemake)

import json
from pathlib import Path

from microrank.evaluation.metrics_file import read_metrics
from microrank.report.figures import draw_figures

draw_figures(
    read_metrics(snakemake.input.metrics),
    json.loads(Path(snakemake.input.diagnostics).read_text()),
    Path(snakemake.input.training[0]) if snakemake.input.training else None,
    snakemake.params.kinds,
    {name: json.loads(Path(path).read_text()) for name, path in zip(snakemake.params.fused, snakemake.input.fusions, strict=True)},
    paths={name: Path(path) for name, path in snakemake.output.items()},
)
log.info("drew %d figures", len(snakemake.output))
