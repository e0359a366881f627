"""How all figures look, and how they become bytes that are the same on every run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from microrank.files import replacing
from microrank.report.svg_panels import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FAINT = "#8a96a3"
# Hues of Okabe & Ito (Color universal design, 2008), which people with any colour vision tell
# apart. Their contrast is at least 3:1 on light and dark paper.
COLOURS = {
    "recommender": INK,
    "encoder": "#0072b2",
    "cross-encoder": "#b0568f",
    "llm": "#d55e00",
    "fusion": "#009e73",
    "reference": "#7f8a95",
}
QUARTERS = ("#2a6fb0", "#4a97d3", "#c08400", "#c4511a")  # bins of the list, best first
WIDTH = 8.4  # inches of a whole figure
# What differs from run to run, or from machine to machine, by the form of the file.
UNSAID = {"svg": ("Date", "Creator"), "pdf": ("CreationDate", "Creator", "Producer")}
SETTINGS: Any = {
    "svg.hashsalt": "microrank",
    "svg.fonttype": "none",
    "pdf.fonttype": 42,  # text as text: journals refuse type 3
    "font.family": ["sans-serif"],
    # It has the glyphs; the svg names more families for readers without it.
    "font.sans-serif": ["DejaVu Sans"],
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
    """Make a grid of n panels, written to `path` when the block ends: as svg, or as pdf.

    All cells are of one size and hold all of their panel. So the page can cut the figure into its
    panels and lay them out for its width (svg_panels.py). The figure's id,
    `grid-{width}x{height}`, has the size of a cell in points.

    Args:
        path: The file, which ends in .svg or .pdf.
        title: In its metadata.
        n: Number of panels.
        columns: Panels side by side.
        height: Height of a cell, in inches.
        margins: Left, right, bottom and top of the axes in its cell, in inches.
        note: Foot of the whole figure; the page has a caption in its place.
        size: Size of the text, in points.

    Yields:
        The axes of the panels.
    """
    # The import takes as long as all else that a report needs, and captions need none of it.
    import matplotlib as mpl
    from matplotlib.figure import Figure

    rows, foot = max(1, -(-n // columns)), 0.3 if note else 0
    cell_width, whole_height = WIDTH / columns, rows * height + foot
    left, right, bottom, top = margins
    with mpl.rc_context():
        mpl.rcdefaults()  # not the reader's matplotlibrc
        mpl.rcParams.update(SETTINGS | _text_sizes(size))
        figure = Figure(figsize=(WIDTH, whole_height))
        figure.set_gid(f"grid-{72 * cell_width:g}x{72 * height:g}")
        made = []
        for i in range(n):
            x = i % columns * cell_width + left
            y = whole_height - (i // columns + 1) * height + bottom
            width, tall = cell_width - left - right, height - bottom - top
            shape = (x / WIDTH, y / whole_height, width / WIDTH, tall / whole_height)
            made.append(figure.add_axes(shape))
        if note:
            figure.text(0.1 / WIDTH, 0.1 / whole_height, note, fontsize=7.5)
        yield made
        kind = path.suffix.removeprefix(".")
        metadata = {"Title": title, **dict.fromkeys(UNSAID[kind])}
        with replacing(path) as temporary:
            figure.savefig(temporary, format=kind, metadata=metadata)


def _text_sizes(size: float) -> Any:
    names = ("font.size", "xtick.labelsize", "ytick.labelsize", "axes.labelsize")
    return {**dict.fromkeys(names, size), "axes.titlesize": size + 0.5}
