"""Figure `hits`: the hits of each method at the main cutoffs, beside what a shuffle reaches."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from microrank.evaluation.metrics import ORACLE, RANDOM_EXPECTED, MetricRow, main_cutoffs
from microrank.report.blocks import Table
from microrank.report.figures.style import COLOURS, FAINT, panels
from microrank.report.results import Results
from microrank.report.study import Study
from microrank.report.svg_panels import INK, PAPER
from microrank.report.verdicts import reading_problem

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.transforms import Transform

LETTER = 0.076  # inches of a letter of a label, about


def caption(study: Study) -> str:
    """Say what the figure shows."""
    level = f"{study.confidence:.0%}"
    text = (
        f"Hits per method, of {study.n_users:,} users, with {level} Wilson intervals. Dashed line "
        f"and band: what a random shuffle of the same lists expects, and where {level} of shuffles "
        "end."
    )
    if any(study.is_simulated(name) for name in study.names):
        text += " Hollow: simulated."
    if any(reading_problem(study, name) for name in study.names):
        text += (
            " Cross: a row that says nothing of its language model, whose answers could not be "
            "read or repeat the order shown."
        )
    return text


def numbers(study: Study) -> Table | None:
    """Return nothing: the main table has the numbers."""
    return None


def draw(results: Results, path: Path) -> None:
    """Draw a panel for each main cutoff, a line for each method."""
    rows = [row for row in results.rows if row.metric == "hits"]
    cutoffs = main_cutoffs({row.cutoff for row in rows}, results.k)
    shown = dict.fromkeys(row.method for row in rows)
    methods = [name for name in shown if name not in (RANDOM_EXPECTED, ORACLE)]
    labels = [results.label(name) for name in methods]
    with panels(
        path,
        "Hits per method",
        len(cutoffs),
        columns=2,
        height=1.1 + 0.22 * len(methods),
        margins=(0.15 + LETTER * max(map(len, labels)), 0.3, 0.7, 0.3),
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
    level = f"{results.confidence:.0%}"
    band = axes.axvspan(*shuffle.interval, color=FAINT, alpha=0.22, linewidth=0)
    line = axes.axvline(shuffle.value, color=INK, linestyle=(0, (4, 3)), linewidth=0.9)
    axes.legend(
        [line, band],
        ["random shuffle, expected", f"{level} of shuffles"],
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        bbox_transform=_below(axes),
        ncols=2,
        frameon=False,
        fontsize=8,
        handlelength=1.6,
        columnspacing=1.2,
    )
    for place, name in enumerate(methods):
        _point(axes, of_method[name], place, results)
    axes.set_xlim(0, shuffle.n_users)
    axes.set_xlabel("users with a hit", labelpad=2)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 5, 10]))
    axes.spines["left"].set_visible(False)


def _below(axes: Axes) -> Transform:
    """Return coordinates whose x is that of the axes, and whose y is in inches below the ticks."""
    from matplotlib.transforms import ScaledTranslation

    figure = axes.get_figure()
    assert figure is not None
    return axes.transAxes + ScaledTranslation(0, -0.4, figure.dpi_scale_trans)


def _point(axes: Axes, row: MetricRow, place: int, results: Results) -> None:
    """Draw a method's hits as a point on its interval, with the number beside it."""
    colour = COLOURS[results.colour_of(row.method)]
    low, high = row.interval
    axes.plot(
        [low, high],
        [place, place],
        color=colour,
        linewidth=1.8,
        solid_capstyle="butt",
        clip_on=False,
    )
    says_nothing = row.method in results.names and reading_problem(results, row.method)
    axes.plot(
        row.value,
        place,
        "X" if says_nothing else "o",
        color=PAPER if results.is_simulated(row.method) else colour,
        markeredgecolor=colour,
        markersize=7 if says_nothing else 5.5,
        zorder=4,
        clip_on=False,
    )
    axes.annotate(
        f"{row.value:,.0f}",
        (high, place),
        xytext=(6, 0),
        textcoords="offset points",
        va="center_baseline",
    )
