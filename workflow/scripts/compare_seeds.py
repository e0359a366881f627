"""The spread of all figures over repeats of the study with other seeds."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank.evaluation.metrics_file import read_metrics, write_metrics
from microrank.evaluation.seeds import SEEDS, compare_seeds
from microrank.files import read_json

metrics = [read_metrics(path) for path in snakemake.input.metrics]
seeds = compare_seeds(metrics, [read_json(path) for path in snakemake.input.recommenders])
log.info("compared %d seeds", len(metrics))
write_metrics(seeds, snakemake.output.seeds, SEEDS)
