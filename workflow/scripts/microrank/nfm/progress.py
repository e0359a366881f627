"""The state of a training, kept after each half epoch.

A training that was cut off goes on from there, and ends with the same bytes as an unbroken one.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open

from microrank.nfm.checkpoint import save_tensors, tensors_of
from microrank.nfm.curve import CurveRow
from microrank.nfm.model import NFM
from microrank.nfm.settings import Recipe
from microrank.tables import Batches

PARTS = ("model", "averaged", "best", "optimiser")


@dataclass
class Progress:
    """All that the rest of a training depends on, at the end of a half epoch.

    Attributes:
        model: state dictionary of the newest weights.
        averaged: of the averaged weights; empty where there is no average.
        best: of the weights of the best half epoch.
        optimiser: moments, by parameter and kind.
        order: indices of the examples left of this epoch.
        random: state of the generator.
        curve: so far.
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
    """A file name for the state of exactly this training.

    Args:
        folder: where the file stands.
        recipe: of the training.
        identity: what else sets it apart: purpose, seed, processes, threads.
        tables: its data.
    """
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


def weights_digest(model: NFM) -> str:
    """SHA-256 of a model's weights and statistics, in hexadecimal digits."""
    digest = hashlib.sha256()
    for value in model.state_dict().values():
        digest.update(value.cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def save_progress(path: Path, progress: Progress) -> None:
    """Write the state: whole or not at all.

    Raises:
        StudyError: the disk is full or cannot be written; the earlier state stays.
    """
    tensors = {
        f"{part}/{name}": value.detach().cpu().contiguous()
        for part in PARTS
        for name, value in getattr(progress, part).items()
    }
    tensors["order"] = torch.from_numpy(progress.order)
    curve = [row.to_json() for row in progress.curve]
    header = {"random": json.dumps(progress.random), "curve": json.dumps(curve)}
    save_tensors(path, tensors, header)


def load_progress(path: Path) -> Progress | None:
    """The state that an earlier run of this program left; None where there is no whole one."""
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata()
            tensors = tensors_of(file)
        parts: dict[str, dict[str, torch.Tensor]] = {part: {} for part in PARTS}
        order = tensors.pop("order").numpy()
        for name, value in tensors.items():
            part, _, key = name.partition("/")
            parts[part][key] = value
        curve = [CurveRow.from_json(row) for row in json.loads(header["curve"])]
        return Progress(**parts, order=order, random=json.loads(header["random"]), curve=curve)
    except (OSError, SafetensorError, KeyError, ValueError, TypeError):
        return None
