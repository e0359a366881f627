"""A training from files to files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from microrank import tables
from microrank.nfm.checkpoint import load_model, save_model
from microrank.nfm.curve import write_curve
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
        curve: path of the curve that is written; None writes none.
        start: path of a trained model, to be refitted on valid too; None trains on train.
    """

    train: str
    valid: str
    catalogue: str
    recipe: dict[str, Any]
    seed: int
    device: str
    threads: int
    model: str
    curve: str | None = None
    start: str | None = None


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
    trained = (_refit if job.start else _train)(job, recipe, processes)
    if not processes.first:
        return
    save_model(job.model, trained.model, recipe)
    if job.curve:
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
    assert job.start
    start, _ = load_model(job.start)
    return refit_nfm(
        start,
        [tables.StoredTable(path, tables.SPLIT) for path in (job.train, job.valid)],
        tables.read_table(job.catalogue, tables.ITEMS),
        recipe,
        job.seed,
        device=job.device,
        state_folder=_state_folder(job),
        processes=processes,
    )


def _state_folder(job: TrainingJob) -> Path:
    return Path(job.model).parent / "training"
