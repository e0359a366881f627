"""Train the recommender on item ids alone."""

from microrank.jobs import start_job

log = start_job(snakemake)

import csv
from pathlib import Path

from microrank import tables
from microrank.files import replacing
from microrank.nfm.checkpoint import save_model
from microrank.nfm.device import choose_device
from microrank.nfm.settings import Recipe
from microrank.nfm.train import CURVE, train_nfm

recipe = Recipe.from_config(snakemake.params.recipe)
device = choose_device(snakemake.params.device, snakemake.threads)
log.info("training on %s with %d threads: %s", device, snakemake.threads, recipe)
trained = train_nfm(
    tables.read_table(snakemake.input.train, tables.SPLIT),
    tables.read_table(snakemake.input.valid, tables.SPLIT),
    tables.read_table(snakemake.input.catalogue, tables.ITEMS),
    recipe,
    snakemake.params.seed,
    device=device,
    state_folder=Path(snakemake.output.model).parent / "training",
)
save_model(snakemake.output.model, trained.model, recipe)
with replacing(snakemake.output.curve) as path, path.open("w", newline="") as file:
    csv.writer(file, lineterminator="\n").writerows([CURVE, *trained.curve])
