"""Train the recommender anew, now on train and valid, for as many half epochs as served best."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank.nfm.device import choose_device
from microrank.nfm.torchrun import TrainingJob, run_training

given, params = snakemake.input, snakemake.params
device = choose_device(params.device, snakemake.threads)
log.info("training on %s with %d threads: %s", device, snakemake.threads, params.recipe)
job = TrainingJob(
    train=given.train,
    valid=given.valid,
    catalogue=given.catalogue,
    recipe=params.recipe,
    seed=params.seed,
    device=device,
    threads=max(1, snakemake.threads // params.processes),
    model=snakemake.output.model,
    curve=given.curve,
    refit=True,
)
run_training(job, params.processes, params.nodes)
