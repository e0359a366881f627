"""The learning curve of a training: one row per half epoch, as `training.csv` holds it."""

import csv
import os
from collections.abc import Sequence
from typing import NamedTuple, Self

from microrank.errors import StudyError
from microrank.files import read_csv, replacing
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
    def from_json(cls, values: Sequence[float | str]) -> Self:
        """What `to_json` gave, or a row of the csv file.

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
    """Whether training stops after this curve; a shorter curve was cut."""
    return (
        len(curve) >= recipe.max_half_epochs
        or len(curve) - best_half_epoch(curve) >= recipe.patience
    )


def write_curve(path: str | os.PathLike[str], curve: Sequence[CurveRow]) -> None:
    """Write the curve as csv: whole or not at all."""
    with replacing(path) as temporary, temporary.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *curve])


def read_curve(path: str | os.PathLike[str], recipe: Recipe) -> list[CurveRow]:
    """The complete curve of a training by this recipe.

    Raises:
        StudyError: the file is absent or cut, or holds no complete curve.
    """
    try:
        curve = [CurveRow.from_json(list(row.values())) for row in read_csv(path, COLUMNS)]
        if not ends_training(curve, recipe):
            raise ValueError("its end is missing")
    except ValueError as error:
        raise StudyError(
            f"{path}: not the complete curve of a training ({error}); delete the file and run again"
        ) from None
    return curve
