"""Figure `training`: loss and validation quality while the recommender was trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from microrank.files import read_csv
from microrank.report.blocks import Table
from microrank.report.figures.style import COLOURS, panels
from microrank.report.results import Results
from microrank.report.study import Study
from microrank.report.svg_panels import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NOTE = "orange: the state that was kept"
QUALITY = "valid_ndcg@10"  # column of training.csv


def caption(study: Study) -> str:
    """Say what the figure shows."""
    return (
        "Training of NFM: loss on train, and NDCG@10 on the validation items, whose best state was "
        "kept (orange)."
    )


def numbers(study: Study) -> Table | None:
    """Return nothing: training.csv has the numbers."""
    return None


def draw(results: Results, path: Path) -> None:
    """Draw a panel for the loss and one for the validation quality."""
    assert results.training is not None
    rows = read_csv(results.training, ("half_epoch", "loss", QUALITY))
    epochs = [int(row["half_epoch"]) / 2 for row in rows]
    losses = [float(row["loss"]) for row in rows]
    qualities = [float(row[QUALITY]) for row in rows]
    with panels(
        path,
        "Training of the recommender",
        2,
        columns=2,
        height=2.1,
        margins=(0.6, 0.2, 0.45, 0.3),
        note=NOTE,
        size=9,
    ) as (loss_axes, quality_axes):
        _curve(loss_axes, epochs, losses, "Loss", INK)
        _curve(quality_axes, epochs, qualities, "NDCG@10 on valid", COLOURS["encoder"])
        best = int(np.argmax(qualities))
        kept = epochs[best], qualities[best]
        quality_axes.plot(*kept, "o", color=COLOURS["llm"], markersize=7, zorder=3)
        quality_axes.annotate("kept", kept, xytext=(0, 7), textcoords="offset points", ha="center")


def _curve(axes: Axes, epochs: list[float], values: list[float], title: str, colour: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.plot(epochs, values, color=colour, marker="o", markersize=3.5)
    axes.set_title(title)
    axes.set_xlabel("epochs", labelpad=2)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.margins(y=0.15)
