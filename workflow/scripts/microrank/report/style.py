"""How all figures look, and how they become bytes that are the same on every run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from microrank.files import replacing

INK, FAINT = "#25313c", "#8a96a3"  # the page replaces INK by its own text colour
COLOURS = {"recommender": "#6b7785", "encoder": "#2a78c2", "llm": "#d9632b", "fusion": "#8a57b8", "reference": "#a9b3bd"}
QUARTERS = ("#1f5f99", "#4f9bd1", "#e0a458", "#c9552b")  # stretches of the list, best first
SETTINGS: Any = {
    "svg.hashsalt": "microrank",
    "svg.fonttype": "none",
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],  # has the glyphs; the svg names more families for readers without it
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "hatch.linewidth": 0.8,
}


@contextmanager
def drawing(path: Path, title: str, width: float, height: float) -> Iterator[Figure]:
    """A figure of that many inches, written as svg to `path` when the block ends."""
    with mpl.rc_context():
        mpl.rcdefaults()  # no reader's own matplotlibrc
        mpl.rcParams.update(SETTINGS)
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        yield figure
        with replacing(path) as temporary:
            figure.savefig(temporary, format="svg", metadata={"Date": None, "Creator": None, "Title": title})
