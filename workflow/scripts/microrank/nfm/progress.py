"""The state of a training that was cut off, so that the next run goes on from its last half epoch and ends with the same bytes."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open

from microrank.nfm.checkpoint import save_tensors
from microrank.nfm.settings import Recipe
from microrank.tables import Batches

CurveRow = tuple[int, int, float, float]
PARTS = ("model", "averaged", "best", "optimiser")


@dataclass
class Progress:
    """All that the rest of a training depends on, at the end of a half epoch.

    model, averaged, best: state dictionaries. optimiser: its moments by parameter name. order: examples left of this epoch. random:
    state of the generator. curve: (half_epoch, step, loss, valid NDCG@10) so far.
    """

    model: dict[str, torch.Tensor]
    averaged: dict[str, torch.Tensor]
    best: dict[str, torch.Tensor]
    optimiser: dict[str, torch.Tensor]
    order: np.ndarray
    random: dict[str, Any]
    curve: list[CurveRow]


def progress_path(
    folder: Path, recipe: Recipe, identity: list[object], tables: Sequence[Batches]
) -> Path:
    """A name for the state of exactly this training: recipe, data, and what else sets it apart (purpose, seed, threads)."""
    digest = hashlib.sha256(
        json.dumps([asdict(recipe), identity, torch.__version__], sort_keys=True).encode()
    )
    for table in tables:
        columns = [hashlib.sha256() for _ in table.schema]
        for batch in table.to_batches():
            for column, values in zip(columns, batch.columns, strict=True):
                column.update(values.to_numpy().astype(np.int64).data)
        for column in columns:
            digest.update(column.digest())
    return folder / f"{digest.hexdigest()}.safetensors"


def save_progress(path: Path, progress: Progress) -> None:
    """Write the state: whole or not at all.

    Raises:
        StudyError: the disk is full, or does not let itself be written; the state before stays.
    """
    tensors = {
        f"{part}/{name}": value.detach().cpu().contiguous()
        for part in PARTS
        for name, value in getattr(progress, part).items()
    }
    tensors["order"] = torch.from_numpy(progress.order)
    header = {"random": json.dumps(progress.random), "curve": json.dumps(progress.curve)}
    save_tensors(path, tensors, header)


def load_progress(path: Path) -> Progress | None:
    """The state of an earlier run, or None where there is none that is whole and this program's."""
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, a handle and no mapping
        parts: dict[str, dict[str, torch.Tensor]] = {part: {} for part in PARTS}
        order = tensors.pop("order").numpy()
        for name, value in tensors.items():
            part, _, key = name.partition("/")
            parts[part][key] = value
        curve = [
            (int(half), int(step), float(loss), float(score))
            for half, step, loss, score in json.loads(header["curve"])
        ]
        return Progress(**parts, order=order, random=json.loads(header["random"]), curve=curve)
    except (OSError, SafetensorError, KeyError, ValueError, TypeError):
        return None
