"""Train the recommender on item ids alone: on train, or further, on valid too (`refit`)."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank.nfm.device import choose_device
from microrank.nfm.torchrun import train_by_torchrun
from microrank.nfm.training_job import TrainingJob, train_from_files
from microrank.words import in_words

given, made, params = snakemake.input, snakemake.output, snakemake.params
device = choose_device(params.device, snakemake.threads)
log.info("training on %s with %d threads: %s", device, snakemake.threads, in_words(params.recipe))
job = TrainingJob(
    train=given.train,
    valid=given.valid,
    catalogue=given.catalogue,
    recipe=params.recipe,
    seed=params.seed,
    device=device,
    threads=max(1, snakemake.threads // params.processes),
    model=made.model,
    curve=made.get("curve"),
    start=given.get("start"),
)
if params.processes == params.nodes == 1:
    train_from_files(job)
else:
    train_by_torchrun(job, params.processes, params.nodes)
