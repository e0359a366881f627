"""A training from files to files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from microrank import tables
from microrank.nfm.checkpoint import save_model
from microrank.nfm.curve import best_half_epoch, read_curve, write_curve
from microrank.nfm.processes import ALONE, Processes
from microrank.nfm.settings import Recipe
from microrank.nfm.train import refit_nfm, train_nfm
from microrank.nfm.training_run import Trained


@dataclass(frozen=True)
class TrainingJob:
    """Paths and settings of a training.

    Attributes:
        train: path of the split.
        valid: path of the split.
        catalogue: path of the table ITEMS.
        recipe: the section of the config.
        seed: of the study.
        device: where the arithmetic is done.
        threads: of each process.
        model: path of the model that is written.
        curve: path of the curve; a training writes it, a refit reads it.
        refit: whether to train on valid too, for as many half epochs as the curve says.
    """

    train: str
    valid: str
    catalogue: str
    recipe: dict[str, Any]
    seed: int
    device: str
    threads: int
    model: str
    curve: str
    refit: bool = False


def train_from_files(job: TrainingJob, processes: Processes = ALONE) -> None:
    """Read the splits, train, and write model and curve.

    Args:
        job: the same in every process.
        processes: those that share the training; the first one writes.

    Raises:
        StudyError: a file is absent or cut, or as `train_nfm`.
    """
    torch.set_num_threads(job.threads)
    recipe = Recipe.from_config(job.recipe)
    trained = (_refit if job.refit else _train)(job, recipe, processes)
    if not processes.first:
        return
    save_model(job.model, trained.model, recipe)
    if not job.refit:
        write_curve(job.curve, trained.curve)
    # The state goes last: a full disk or a kill must not cost the training.
    if trained.state:
        trained.state.unlink(missing_ok=True)


def _train(job: TrainingJob, recipe: Recipe, processes: Processes) -> Trained:
    return train_nfm(
        tables.StoredTable(job.train, tables.SPLIT),
        tables.read_table(job.valid, tables.SPLIT),
        tables.read_table(job.catalogue, tables.ITEMS),
        recipe,
        job.seed,
        device=job.device,
        state_folder=_state_folder(job),
        processes=processes,
    )


def _refit(job: TrainingJob, recipe: Recipe, processes: Processes) -> Trained:
    return refit_nfm(
        [tables.StoredTable(path, tables.SPLIT) for path in (job.train, job.valid)],
        tables.read_table(job.catalogue, tables.ITEMS),
        recipe,
        best_half_epoch(read_curve(job.curve, recipe)),
        job.seed,
        device=job.device,
        state_folder=_state_folder(job),
        processes=processes,
    )


def _state_folder(job: TrainingJob) -> Path:
    return Path(job.model).parent / "training"
