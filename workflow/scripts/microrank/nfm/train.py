"""Training of the NFM: until valid says stop; then further, on the valid items themselves."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from microrank.nfm.chunks import Chunks
from microrank.nfm.histories import Histories, gather_histories
from microrank.nfm.model import NFM
from microrank.nfm.processes import ALONE, Processes
from microrank.nfm.progress import progress_path, weights_digest
from microrank.nfm.settings import Recipe
from microrank.nfm.training_run import Trained, TrainingRun
from microrank.nfm.validation import ValidationSample
from microrank.seeds import generator
from microrank.tables import Batches


def train_nfm(
    train: Batches,
    valid: pa.Table,
    items: pa.Table,
    recipe: Recipe,
    seed: int,
    *,
    device: str = "cpu",
    state_folder: Path | None = None,
    processes: Processes = ALONE,
) -> Trained:
    """Train by AdamW until NDCG@10 on valid stops rising.

    It ends when that has not risen for `recipe.patience` half epochs, or after
    `recipe.max_half_epochs`. The model of the best half epoch is kept.

    Args:
        train: table SPLIT.
        valid: table SPLIT, one item a user.
        items: table ITEMS.
        recipe: the settings.
        seed: of the study.
        device: where the arithmetic is done.
        state_folder: where the state after each half epoch is kept, the last one too; None keeps
            none.
        processes: those that share the training. Each calls this function with the same arguments,
            and all get the same model.

    Raises:
        StudyError: there is nothing to train on, or the loss is no longer a number.
    """
    histories = gather_histories([train], items)
    random = generator(seed, "train")
    chunks = training_chunks(histories, items, recipe)
    run = TrainingRun(chunks, recipe, random, device=device, processes=processes)
    sample = ValidationSample.of(histories, valid, items, recipe, random)
    if state_folder:
        identity = ["train", seed, *processes.identity]
        run.keep_in(progress_path(state_folder, recipe, identity, [train, valid]))
    while not run.is_over():
        run.half_epoch(sample)
    return run.trained()


def refit_nfm(
    start: NFM,
    past: Sequence[Batches],
    items: pa.Table,
    recipe: Recipe,
    seed: int,
    *,
    device: str = "cpu",
    state_folder: Path | None = None,
    processes: Processes = ALONE,
) -> Trained:
    """Train the model of `train_nfm` further, on each user's newest item before test.

    The test's lists come from this model. The newest items are the valid ones, which the model has
    not met, and many of which are new to the catalogue. They are its targets `recipe.refit_passes`
    times; the older items are inputs, and no targets again. (Measured on a split of train in
    docs/results.md.)

    Args:
        start: the model to go on from.
        past: the splits before test, tables SPLIT.
        items: table ITEMS.
        recipe: the settings.
        seed: of the study.
        device: as in `train_nfm`.
        state_folder: as in `train_nfm`.
        processes: as in `train_nfm`.

    Raises:
        StudyError: as `train_nfm`.
    """
    recipe = recipe.of_refit
    chunks = training_chunks(gather_histories(past, items), items, recipe)
    run = TrainingRun(
        chunks.of_newest_targets(recipe.whole_chunks),
        recipe,
        generator(seed, "refit"),
        start=start,
        device=device,
        processes=processes,
    )
    if state_folder:
        identity = ["refit", weights_digest(start), seed, *processes.identity]
        run.keep_in(progress_path(state_folder, recipe, identity, past))
    while len(run.curve) < recipe.max_half_epochs:
        run.half_epoch(None)
    return run.trained()


def training_chunks(histories: Histories, items: pa.Table, recipe: Recipe) -> Chunks:
    """What the recipe trains on, of these histories and table ITEMS."""
    return Chunks.of(histories, len(items), recipe.chunk_length, recipe.past_inputs)
