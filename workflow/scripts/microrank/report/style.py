"""How all figures look, and how they become bytes that are the same on every run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from microrank.files import replacing
from microrank.report.svg_panels import INK

FAINT = "#8a96a3"
# Hues of Okabe & Ito (Color universal design, 2008), which people with any colour vision tell apart; at least 3:1 on light and dark paper.
COLOURS = {
    "recommender": INK,
    "encoder": "#0072b2",
    "llm": "#d55e00",
    "fusion": "#009e73",
    "reference": "#7f8a95",
}
QUARTERS = ("#2a6fb0", "#4a97d3", "#c08400", "#c4511a")  # bins of the list, best first
WIDTH = 8.4  # inches of a whole figure
SETTINGS: Any = {
    "svg.hashsalt": "microrank",
    "svg.fonttype": "none",
    "font.family": ["sans-serif"],
    "font.sans-serif": [
        "DejaVu Sans"
    ],  # has the glyphs; the svg names more families for readers without it
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.linewidth": 0.7,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 2.5,
    "ytick.major.size": 0,
}


@contextmanager
def panels(
    path: Path,
    title: str,
    n: int,
    *,
    columns: int,
    height: float,
    margins: tuple[float, float, float, float],
    note: str = "",
    size: float = 8,
) -> Iterator[list[Axes]]:
    """A grid of n panels, written as svg to `path` when the block ends.

    All cells are of one size and hold all of their panel, so that the page can cut the figure into its panels and lay them out anew for its
    width (panels.py): the figure's id, `grid-{width}x{height}`, has the size of a cell in points.

    Args:
        height: of a cell, in inches. margins: left, right, bottom and top of the axes in its cell, in inches. note: the foot of the whole
            figure; the page has a caption in its place. size: of the text, in points.
    """
    rows, foot = max(1, -(-n // columns)), 0.3 if note else 0
    wide, high = WIDTH / columns, rows * height + foot
    left, right, bottom, top = margins
    with mpl.rc_context():
        mpl.rcdefaults()  # no reader's own matplotlibrc
        mpl.rcParams.update(
            SETTINGS
            | dict.fromkeys(
                ("font.size", "xtick.labelsize", "ytick.labelsize", "axes.labelsize"), size
            )
        )
        mpl.rcParams["axes.titlesize"] = size + 0.5
        figure = Figure(figsize=(WIDTH, high))
        FigureCanvasSVG(figure)
        figure.set_gid(f"grid-{72 * wide:g}x{72 * height:g}")
        made = []
        for i in range(n):
            x, y = i % columns * wide + left, high - (i // columns + 1) * height + bottom
            made.append(
                figure.add_axes(
                    (
                        x / WIDTH,
                        y / high,
                        (wide - left - right) / WIDTH,
                        (height - bottom - top) / high,
                    )
                )
            )
        if note:
            figure.text(0.1 / WIDTH, 0.1 / high, note, fontsize=7.5)
        yield made
        with replacing(path) as temporary:
            figure.savefig(
                temporary, format="svg", metadata={"Date": None, "Creator": None, "Title": title}
            )
