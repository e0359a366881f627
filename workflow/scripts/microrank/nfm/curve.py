"""The learning curve of a training: one row per half epoch, as `training.csv` holds it."""

import csv
import os
from collections.abc import Sequence
from typing import NamedTuple, Self

from microrank.files import replacing
from microrank.nfm.settings import Recipe

COLUMNS = ("half_epoch", "step", "loss", "valid_ndcg@10")


class CurveRow(NamedTuple):
    """The state at the end of one half epoch.

    Attributes:
        half_epoch: from 1.
        step: training steps so far.
        loss: mean over the half epoch.
        valid_ndcg: NDCG@10 on the valid items; in a refit, which has none, the half epoch's place.
    """

    half_epoch: int
    step: int
    loss: float
    valid_ndcg: float

    @classmethod
    def from_json(cls, values: Sequence[float]) -> Self:
        """What `to_json` gave.

        Raises:
            ValueError: these are not the four numbers of a row.
        """
        half_epoch, step, loss, valid_ndcg = values
        return cls(int(half_epoch), int(step), float(loss), float(valid_ndcg))

    def to_json(self) -> list[float]:
        """The four numbers."""
        return list(self)


def best_half_epoch(curve: Sequence[CurveRow]) -> int:
    """How many half epochs the kept model was trained for: the first with the best NDCG@10."""
    return max(curve, key=lambda row: row.valid_ndcg).half_epoch


def ends_training(curve: Sequence[CurveRow], recipe: Recipe) -> bool:
    """Whether training stops after this curve."""
    return (
        len(curve) >= recipe.max_half_epochs
        or len(curve) - best_half_epoch(curve) >= recipe.patience
    )


def write_curve(path: str | os.PathLike[str], curve: Sequence[CurveRow]) -> None:
    """Write the curve as csv: whole or not at all."""
    with replacing(path) as temporary, temporary.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *curve])
