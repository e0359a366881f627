"""Score every method against the recommender's own order, chance and the best possible order."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank import tables
from microrank.evaluation.metrics_file import write_metrics
from microrank.evaluation.score import score_rankings
from microrank.evaluation.settings import Scoring

rankings = {
    name: tables.read_table(path, tables.RANKINGS)
    for name, path in zip(snakemake.params.methods, snakemake.input.rankings, strict=True)
}
metrics = score_rankings(
    rankings,
    tables.read_table(snakemake.input.subset, tables.SUBSET),
    Scoring.from_config(snakemake.params.scoring),
    dataset=snakemake.params.dataset,
    seed=snakemake.params.seed,
    recommender=snakemake.params.recommender,
    primary=snakemake.params.primary,
)
log.info("scored %d methods", len(rankings))
write_metrics(metrics, snakemake.output.metrics)
