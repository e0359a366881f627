"""Figure `hits`: Hits@5 and Hits@10 of each method, beside what a shuffle reaches."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from microrank.evaluation.metrics import ORACLE, RANDOM_EXPECTED, MetricRow
from microrank.report.blocks import Table
from microrank.report.figures.style import COLOURS, FAINT, panels
from microrank.report.results import Results
from microrank.report.study import Study
from microrank.report.svg_panels import INK, PAPER

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NOTE = (
    "line: interval · hollow: simulated · dashed line and band: what a random shuffle of the same "
    "lists expects, and reaches"
)
LETTER = 0.076  # inches of a letter of a label, about


def caption(study: Study) -> str:
    """Say what the figure shows."""
    level = f"{study.confidence:.0%}"
    any_simulated = any(study.is_simulated(name) for name in study.names)
    hollow = " Hollow: simulated." if any_simulated else ""
    return (
        f"Hits per method with {level} Wilson intervals. Dashed line and band: what a random "
        f"shuffle of the same lists expects, and where {level} of shuffles end.{hollow} The axes "
        "need not begin at 0."
    )


def numbers(study: Study) -> Table | None:
    """Return nothing: the main table has the numbers."""
    return None


def draw(results: Results, path: Path) -> None:
    """Draw a panel for each main cutoff, a line for each method."""
    rows = [row for row in results.rows if row.metric == "hits"]
    cutoffs = [cutoff for cutoff in (5, 10) if any(row.cutoff == cutoff for row in rows)]
    cutoffs = cutoffs or [rows[0].cutoff]
    shown = dict.fromkeys(row.method for row in rows)
    methods = [name for name in shown if name not in (RANDOM_EXPECTED, ORACLE)]
    labels = [results.label(name) for name in methods]
    with panels(
        path,
        "Hits per method",
        len(cutoffs),
        columns=2,
        height=0.7 + 0.22 * len(methods),
        margins=(0.15 + LETTER * max(map(len, labels)), 0.12, 0.3, 0.3),
        note=NOTE,
        size=9,
    ) as grid:
        for axes, cutoff in zip(grid, cutoffs, strict=True):
            of_method = {row.method: row for row in rows if row.cutoff == cutoff}
            _panel(axes, of_method, methods, results)
            axes.set_title(f"Hits@{cutoff} of {rows[0].n_users:,} users")
            axes.set_yticks(range(len(methods)), labels)
            axes.set_ylim(len(methods) - 0.4, -0.6)


def _panel(
    axes: Axes, of_method: dict[str, MetricRow], methods: list[str], results: Results
) -> None:
    from matplotlib.ticker import MaxNLocator

    shuffle = of_method[RANDOM_EXPECTED]
    axes.axvspan(*shuffle.interval, color=FAINT, alpha=0.22, linewidth=0)
    axes.axvline(shuffle.value, color=INK, linestyle=(0, (4, 3)), linewidth=0.9)
    for place, name in enumerate(methods):
        _point(axes, of_method[name], place, results)
    intervals = [of_method[name].interval for name in [*methods, RANDOM_EXPECTED]]
    lowest, highest = min(low for low, _ in intervals), max(high for _, high in intervals)
    room = highest - lowest
    axes.set_xlim(max(0, lowest - 0.08 * room), highest + 0.16 * room)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 5, 10]))
    axes.spines["left"].set_visible(False)


def _point(axes: Axes, row: MetricRow, place: int, results: Results) -> None:
    """Draw a method's hits as a point on its interval, with the number beside it."""
    colour = COLOURS[results.colour_of(row.method)]
    low, high = row.interval
    axes.plot([low, high], [place, place], color=colour, linewidth=1.8, solid_capstyle="butt")
    axes.plot(
        row.value,
        place,
        "o",
        color=PAPER if results.is_simulated(row.method) else colour,
        markeredgecolor=colour,
        markersize=5.5,
        zorder=4,
    )
    axes.annotate(
        f"{row.value:,.0f}",
        (high, place),
        xytext=(6, 0),
        textcoords="offset points",
        va="center_baseline",
    )
