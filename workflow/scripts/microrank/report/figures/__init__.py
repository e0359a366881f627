"""The report's figures: a module a figure, with how it is drawn, its caption, and its numbers.

A figure `name` is the module of that name here. It has

- `draw(results, path)`, which writes the svg file;
- `caption(study)`, which is true of that study's figure;
- `numbers(study)`, the table behind it, or None where another table of the report has its numbers.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from microrank.report.blocks import Picture, Table
from microrank.report.figures import flow, fusion, hits, positions, training
from microrank.report.results import Results
from microrank.report.study import Study


class Figure(Protocol):
    """What each module here has."""

    def draw(self, results: Results, path: Path) -> None:
        """Write the figure as svg."""

    def caption(self, study: Study) -> str:
        """Say what the figure shows."""

    def numbers(self, study: Study) -> Table | None:
        """Return the numbers behind the figure."""


FIGURES: Mapping[str, Figure] = {
    "hits": hits,
    "positions": positions,
    "flow": flow,
    "training": training,
    "fusion": fusion,
}


def draw_figures(results: Results, paths: Mapping[str, Path]) -> None:
    """Draw each figure that `paths` names to its path."""
    for name, path in paths.items():
        FIGURES[name].draw(results, path)


def picture(name: str, study: Study) -> Picture:
    """Return the figure with its caption and the numbers behind it."""
    figure = FIGURES[name]
    return Picture(name, figure.caption(study), figure.numbers(study))
