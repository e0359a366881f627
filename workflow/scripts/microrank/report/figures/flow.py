"""Figure `flow`: from where to where in the list the held-out items moved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from microrank.evaluation.diagnose import list_bins
from microrank.report.blocks import Table
from microrank.report.figures.style import QUARTERS, panels
from microrank.report.numbers import range_text
from microrank.report.results import Results
from microrank.report.study import Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import PathPatch

NOTE = (
    "left: rank of the held-out item in the recommender's list · right: in the re-ranked list · "
    "with numbers of users"
)
GAP = 0.03  # between bins; the height of all users together is 1
LABEL_HEIGHT = 0.11


def caption(study: Study) -> str:
    """Say what the figure shows."""
    return (
        f"At which ranks the held-out items stood in {study.lists_name}'s list (left) and where "
        "each method put them (right), with numbers of users. Colours follow where they stood "
        "before."
    )


def numbers(study: Study) -> Table:
    """Return a row for each method and bin of the recommender's list: users by the bin after it."""
    names = [range_text(*bin_) for bin_ in list_bins(study.k)]
    rows = [
        [study.label(name), before, *(f"{users:,}" for users in to_bins)]
        for name, found in study.diagnostics.methods.items()
        for before, to_bins in zip(names, found.flow, strict=True)
    ]
    return Table(["method", "from ranks", *(f"to {name}" for name in names)], rows)


def draw(results: Results, path: Path) -> None:
    """Draw a panel for each method."""
    names = [range_text(*bin_) for bin_ in list_bins(results.diagnostics.k)]
    methods = results.diagnostics.methods
    with panels(
        path,
        "Rank flow",
        len(methods),
        columns=3,
        height=1.95,
        margins=(0.66, 0.66, 0.1, 0.28),
        note=NOTE,
    ) as grid:
        for axes, (name, found) in zip(grid, methods.items(), strict=True):
            _panel(axes, np.array(found.flow, float), names)
            axes.set_title(results.label(name), x=-0.4)
            axes.set_axis_off()


def _panel(axes: Axes, flow: np.ndarray, names: list[str]) -> None:
    """Draw bands from the left stack of bins to the right one; best ranks on top."""
    total, n_bins = max(flow.sum(), 1), len(flow)
    gaps = GAP * np.arange(n_bins + 1)
    left = np.cumsum([0, *flow.sum(axis=1)]) / total + gaps
    right = np.cumsum([0, *flow.sum(axis=0)]) / total + gaps
    _bands(axes, flow / total, left, right)
    _blocks(axes, left, flow.sum(axis=1), names, on_left=True)
    _blocks(axes, right, flow.sum(axis=0), names, on_left=False)
    axes.set_xlim(-0.03, 1.03)
    axes.set_ylim(1 + GAP * n_bins, -0.02)


def _bands(axes: Axes, widths: np.ndarray, left: np.ndarray, right: np.ndarray) -> None:
    """Draw a band for each pair of bins. widths: [bins, bins], shares of all users."""
    left_used, right_used = left[:-1].copy(), right[:-1].copy()
    for before, after in np.argwhere(widths):
        width = widths[before, after]
        band = _band(left_used[before], right_used[after], width, QUARTERS[before])
        axes.add_patch(band)
        left_used[before] += width
        right_used[after] += width


def _band(start: float, end: float, width: float, colour: str) -> PathPatch:
    """Return a band of this width from `start` on the left to `end` on the right."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Outline

    corners = [
        (0, start),
        (0.5, start),
        (0.5, end),
        (1, end),
        (1, end + width),
        (0.5, end + width),
        (0.5, start + width),
        (0, start + width),
        (0, start),
    ]
    curve = [Outline.CURVE4] * 3
    codes = [Outline.MOVETO, *curve, Outline.LINETO, *curve, Outline.CLOSEPOLY]
    return PathPatch(Outline(corners, codes), facecolor=colour, alpha=0.55, linewidth=0)


def _blocks(
    axes: Axes, starts: np.ndarray, users: np.ndarray, names: list[str], *, on_left: bool
) -> None:
    """Draw one side's stack of bins, each with its name and number of users."""
    x, label_x = (-0.03, -0.06) if on_left else (1.0, 1.06)
    heights = users / max(users.sum(), 1)
    labels_y = _apart(starts[:-1] + heights / 2)
    for i, y in enumerate(labels_y):
        axes.add_patch(_block(x, starts[i], heights[i], QUARTERS[i]))
        axes.text(
            label_x,
            y,
            f"{names[i]}: {users[i]:,.0f}",
            fontsize=7,
            va="center",
            ha="right" if on_left else "left",
        )


def _apart(places: np.ndarray) -> np.ndarray:
    """Move ascending places down, then up, until labels there do not overlap nor pass the end."""
    moved = np.array(places, float)
    for i in range(1, len(moved)):
        moved[i] = max(moved[i], moved[i - 1] + LABEL_HEIGHT)
    moved[-1] = min(moved[-1], 1 + GAP * len(moved) - LABEL_HEIGHT / 2)
    for i in range(len(moved) - 2, -1, -1):
        moved[i] = min(moved[i], moved[i + 1] - LABEL_HEIGHT)
    return moved


def _block(x: float, y: float, height: float, colour: str) -> PathPatch:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Outline

    corners = [(x, y), (x + 0.03, y), (x + 0.03, y + height), (x, y + height), (x, y)]
    return PathPatch(Outline(corners), facecolor=colour, linewidth=0)
