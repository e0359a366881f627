"""Figure `positions`: how often the held-out item is a hit, by the position where it stood."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from microrank.evaluation.diagnostics import Diagnostics, Positions
from microrank.evaluation.intervals import wilson_interval
from microrank.report.blocks import Table
from microrank.report.figures.style import COLOURS, FAINT, panels
from microrank.report.numbers import range_text
from microrank.report.results import Results
from microrank.report.study import Study
from microrank.report.svg_panels import INK, PAPER

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEAST_USERS = 15  # a point of fewer has a 95 % interval wider than ±.22
FEW = 8  # numbers of users that stand side by side below the axes; more are turned
NOTE = "filled: by position in the recommender's list · dashed: random shuffle"
NOTE_OF_SHOWN = " · hollow: by position where the model was shown it"
SHARES = {0.0: "0", 0.5: "½", 1.0: "1"}


@dataclass(frozen=True)
class Point:
    """The hit rate of users whose held-out item stood at positions low…high.

    Attributes:
        low: First position.
        high: Last position.
        hits: Users with a hit.
        users: All these users.
        ci_low: Lower end of Wilson's interval; 0 without users.
        ci_high: Upper end; 1 without users.
    """

    low: int
    high: int
    hits: int
    users: int
    ci_low: float
    ci_high: float

    @property
    def rate(self) -> float | None:
        """The hit rate; None without users."""
        return self.hits / self.users if self.users else None

    @property
    def middle(self) -> float:
        """The middle of the positions."""
        return (self.low + self.high) / 2


def caption(study: Study) -> str:
    """Say what the figure shows."""
    name, cutoff = study.lists_name, min(study.k, study.diagnostics.hit_cutoff)
    text = (
        f"How often the held-out item ends among the first {cutoff}, by the position of {name}'s "
        f"list where it stood before. Each point has its {study.confidence:.0%} Wilson interval "
        "and its number n of users. Dashed: a random shuffle. "
    )
    if any(low < high for low, high in position_bins(study.diagnostics)):
        text += "Positions of few users are pooled: such a point is as wide as its positions. "
    text += (
        f"A method that ignores {name}'s order need not be flat: what stands high in that list "
        "tends to suit the history by its titles, too."
    )
    if _any_shown(study):
        text += (
            " Hollow: by the position where a language model was shown the item, of each answer by "
            "itself. Without a shuffle that is the same position, and what the place did cannot be "
            "told from what the item deserved."
        )
    return text


def _any_shown(results: Results) -> bool:
    methods = results.diagnostics.methods.values()
    return any(found.by_shown_position is not None for found in methods)


def numbers(study: Study) -> Table:
    """Return a row for each point."""
    bins, cutoff = position_bins(study.diagnostics), min(study.k, study.diagnostics.hit_cutoff)
    rows = []
    for name, found in study.diagnostics.methods.items():
        for positions, order in (
            (found.by_recommender_position, study.lists_name),
            (found.by_shown_position, "as shown"),
        ):
            if positions is not None:
                curve = position_curve(positions, bins, study.confidence)
                rows += [[study.label(name), order, *_cells(point)] for point in curve]
    return Table(
        ["method", "list", "positions", "hits", "users", f"share, Hits@{cutoff}", "interval"], rows
    )


def _cells(point: Point) -> list[str]:
    shares = ["–", "–"]
    if point.rate is not None:
        shares = [f"{point.rate:.2f}", f"{point.ci_low:.2f}–{point.ci_high:.2f}"]
    return [range_text(point.low, point.high), f"{point.hits:,}", f"{point.users:,}", *shares]


def position_bins(diagnostics: Diagnostics) -> list[tuple[int, int]]:
    """Pool positions so that each point has enough users.

    A position is a point by itself where at least LEAST_USERS had their held-out item there. The
    last bin takes what is left. So a point has fewer users only where all users together are
    fewer.

    Returns:
        First and last position of each point.
    """
    of_any_method = next(iter(diagnostics.methods.values()), None)
    users = of_any_method.by_recommender_position.users if of_any_method else [0] * diagnostics.k
    ends, gathered = [0], 0
    for position, here in enumerate(users, start=1):
        gathered += here
        if gathered >= LEAST_USERS:
            ends.append(position)
            gathered = 0
    if ends[-1] != len(users):
        ends = [*ends[:-1], len(users)] if len(ends) > 1 else [0, len(users)]
    return [(low + 1, high) for low, high in pairwise(ends)]


def position_curve(
    positions: Positions, bins: list[tuple[int, int]], confidence: float
) -> list[Point]:
    """Return a point for each bin of positions."""
    points = []
    for low, high in bins:
        hits, users = (sum(of[low - 1 : high]) for of in (positions.hits, positions.users))
        points.append(Point(low, high, hits, users, *wilson_interval(hits, users, confidence)))
    return points


def draw(results: Results, path: Path) -> None:
    """Draw a panel for each method."""
    diagnostics = results.diagnostics
    bins, methods = position_bins(diagnostics), diagnostics.methods
    by_shown = _any_shown(results)
    second_row = 0.34 if len(bins) > FEW else 0.18
    foot = 0.7 + (second_row if by_shown else 0)
    with panels(
        path,
        "Hit rate by position",
        len(methods),
        columns=3,
        height=1.5 + foot,
        margins=(0.46, 0.1, foot, 0.26),
        note=NOTE + (NOTE_OF_SHOWN if by_shown else ""),
    ) as grid:
        for axes, name in zip(grid, methods, strict=True):
            _panel(axes, name, results, bins)


def _panel(axes: Axes, name: str, results: Results, bins: list[tuple[int, int]]) -> None:
    diagnostics = results.diagnostics
    found, k = diagnostics.methods[name], diagnostics.k
    cutoff = min(diagnostics.hit_cutoff, k)
    axes.axhline(cutoff / k, color=FAINT, linewidth=0.9, linestyle=(0, (4, 3)))
    both = found.by_shown_position is not None
    curve = position_curve(found.by_recommender_position, bins, results.confidence)
    _points(axes, curve, INK, both, 0)
    if found.by_shown_position is not None:
        curve = position_curve(found.by_shown_position, bins, results.confidence)
        _points(axes, curve, COLOURS["llm"], both, 1)
    axes.set_title(results.label(name))
    axes.set_ylabel(f"share, Hits@{cutoff}", labelpad=5)
    axes.set_ylim(-0.04, 1.04)
    axes.set_yticks([*SHARES], SHARES.values())
    axes.set_xlim(0.2, k + 0.8)
    axes.set_xticks([1, *range(5, k + 1, 5)])
    rows = 2 if both else 1
    row_height = 0.24 if len(bins) > FEW else 0.15
    axes.text(
        *(0.5, -0.27 - row_height * rows),
        "position in the list",
        transform=axes.transAxes,
        ha="center",
        va="center",
    )


def _points(axes: Axes, points: list[Point], colour: str, both: bool, row: int) -> None:
    """Draw one curve; the second of two is hollow and a little to the right.

    Below the axes stands a row with the number of users of each point.
    """
    step = 0.22 * (2 * row - 1) if both else 0
    known = [(point, point.rate) for point in points if point.rate is not None]
    line: dict[str, Any] = {"color": colour, "linewidth": 0.9, "alpha": 0.75}
    for point, rate in known:
        x = point.middle + step
        axes.plot([x, x], [point.ci_low, point.ci_high], **line)
        axes.plot([point.low - 0.3 + step, point.high + 0.3 + step], [rate, rate], **line)
    look: dict[str, Any] = {"linestyle": ":", "markerfacecolor": PAPER} if row else {}
    if any(point.low < point.high for point in points):
        look["linestyle"] = "none"  # a line between pooled points would show what nobody measured
    axes.plot(
        [point.middle + step for point, _ in known],
        [rate for _, rate in known],
        color=colour,
        marker="o",
        markersize=3,
        linewidth=1.1,
        zorder=4,
        **look,
    )
    _user_numbers(axes, points, row)


def _user_numbers(axes: Axes, points: list[Point], row: int) -> None:
    many = len(points) > FEW
    below: Any = {"transform": axes.get_xaxis_transform(), "va": "center"}
    y = -0.25 - (0.24 if many else 0.15) * row
    axes.text(-0.6, y, "n ○" if row else "n", fontsize=7, ha="right", **below)
    style: dict[str, Any] = {"fontsize": 6, "rotation": 90} if many else {"fontsize": 6.5}
    for point in points:
        axes.text(point.middle, y, f"{point.users:,}", ha="center", **below, **style)
