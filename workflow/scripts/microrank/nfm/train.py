"""Training of the NFM: until valid says stop, or again on all data for as many half epochs."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from microrank.nfm.histories import gather_histories
from microrank.nfm.processes import ALONE, Processes
from microrank.nfm.progress import progress_path
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
    run = TrainingRun(histories, len(items), recipe, random, device=device, processes=processes)
    sample = ValidationSample.of(histories, valid, items, recipe, random)
    if state_folder:
        identity = ["train", seed, *processes.identity]
        run.keep_in(progress_path(state_folder, recipe, identity, [train, valid]))
    while not run.is_over():
        run.half_epoch(sample)
    return run.trained()


def refit_nfm(
    past: Sequence[Batches],
    items: pa.Table,
    recipe: Recipe,
    half_epochs: int,
    seed: int,
    *,
    device: str = "cpu",
    state_folder: Path | None = None,
    processes: Processes = ALONE,
) -> Trained:
    """Train again, on all of `past`, for as many half epochs as were best on the valid items.

    The test's lists come from this model. The valid items are the newest that it may know, and many
    of them are new to the catalogue.

    Args:
        past: the splits before test, tables SPLIT.
        items: table ITEMS.
        recipe: the settings.
        half_epochs: of the best row of the curve of `train_nfm`.
        seed: of the study.
        device: as in `train_nfm`.
        state_folder: as in `train_nfm`.
        processes: as in `train_nfm`.

    Raises:
        StudyError: as `train_nfm`.
    """
    histories = gather_histories(past, items)
    random = generator(seed, "refit")
    run = TrainingRun(histories, len(items), recipe, random, device=device, processes=processes)
    if state_folder:
        identity = ["refit", half_epochs, seed, *processes.identity]
        run.keep_in(progress_path(state_folder, recipe, identity, past))
    while len(run.curve) < half_epochs:
        run.half_epoch(None)
    return run.trained()
