"""Figure `fusion`: how each fusion's number was chosen on other users."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from scipy.special import ndtri

from microrank.methods import BEST, LEARNED, NFM
from microrank.report.blocks import Table
from microrank.report.figures.style import COLOURS, panels
from microrank.report.results import Results
from microrank.report.study import Study
from microrank.rerank.fusion_choice import FusionChoice

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class TunedValue(NamedTuple):
    """A value that was tried: its mean quality, and the ends of that mean's interval."""

    value: float
    mean: float
    ci_low: float
    ci_high: float


def caption(study: Study) -> str:
    """Say what the figure shows."""
    refitted = (
        " The lists there are those of NFM before it was trained further for the test."
        if study.settings.get("nfm", {}).get("refit")
        else ""
    )
    return (
        "How the fusions' numbers were chosen (orange), on users who are not in the subset. Band: "
        f"{study.confidence:.0%} interval of each mean by itself; all values are compared on the "
        f"same users, so their differences are surer than the band.{refitted}"
    )


def numbers(study: Study) -> Table:
    """Return a row for each value that was tried."""
    rows = []
    for name, choice in study.fusions.items():
        rows += [
            [
                study.label(name),
                number_name(choice, study),
                value_name(choice, tuned.value),
                f"{tuned.mean:.4f}",
                f"{tuned.ci_low:.4f}–{tuned.ci_high:.4f}",
                _chosen(choice) if tuned.value == choice.chosen else "",
            ]
            for tuned in tuning_curve(choice, study.confidence)
        ]
    metric = next(iter(study.fusions.values())).metric.upper()
    return Table(["fusion", "number", "value", metric, "interval", ""], rows)


def _chosen(choice: FusionChoice) -> str:
    """Mark the value that was chosen; of a learned fusion, with the weights that it gave."""
    weights = zip(choice.of, choice.weights, strict=False)
    shown = ", ".join(f"{part} {weight:+.2f}".replace("-", "−") for part, weight in weights)
    return f"chosen: {shown}" if shown else "chosen"


def tuning_curve(choice: FusionChoice, confidence: float) -> list[TunedValue]:
    """Return each value with the interval of its mean, mean ± z·(standard error).

    Args:
        choice: How the number was chosen.
        confidence: Confidence level of the intervals.
    """
    z = ndtri((1 + confidence) / 2)
    curve = []
    for point in choice.curve:
        low, high = (point.mean + sign * z * point.standard_error for sign in (-1, 1))
        curve.append(TunedValue(point.value, point.mean, float(low), float(high)))
    return curve


def number_name(choice: FusionChoice, results: Results) -> str:
    """Say in words which number of a fusion was chosen."""
    if choice.fusion == "reciprocal":
        return "k"
    if choice.fusion == LEARNED:
        return "the penalty of the weights"
    if choice.fusion == BEST:
        return "the part, in the config's order"
    first = choice.of[0]
    return f"α, the weight of {results.label(results.recommender if first == NFM else first)}"


def value_name(choice: FusionChoice, value: float) -> str:
    """Say which value that is: the number, or the part's name."""
    return choice.of[int(value)] if choice.fusion == BEST else f"{value:g}"


def draw(results: Results, path: Path) -> None:
    """Draw a panel for each fusion."""
    users = next(iter(results.fusions.values())).tuning_users
    with panels(
        path,
        "Choice of the fusions' numbers",
        len(results.fusions),
        columns=3,
        height=1.95,
        margins=(0.55, 0.12, 0.46, 0.28),
        note=f"on {users:,} other users · band: interval of each mean by itself · orange: chosen",
    ) as grid:
        for axes, (name, choice) in zip(grid, results.fusions.items(), strict=True):
            _panel(axes, choice, results)
            axes.set_title(results.label(name))


def _panel(axes: Axes, choice: FusionChoice, results: Results) -> None:
    from matplotlib.ticker import MaxNLocator

    curve = tuning_curve(choice, results.confidence)
    values, means = [tuned.value for tuned in curve], [tuned.mean for tuned in curve]
    lows, highs = [tuned.ci_low for tuned in curve], [tuned.ci_high for tuned in curve]
    if choice.fusion == BEST:
        axes.vlines(values, lows, highs, color=COLOURS["fusion"], alpha=0.4)
        axes.plot(values, means, "o", color=COLOURS["fusion"], markersize=2.5)
        axes.set_xticks(values, [str(place) for place, _ in enumerate(values, start=1)])
        axes.margins(x=0.25)
    else:
        axes.fill_between(values, lows, highs, color=COLOURS["fusion"], alpha=0.2, linewidth=0)
        axes.plot(values, means, color=COLOURS["fusion"], marker="o", markersize=2.5, linewidth=1.1)
    chosen = choice.chosen, means[values.index(choice.chosen)]
    axes.plot(*chosen, "o", color=COLOURS["llm"], markersize=6, zorder=3)
    if choice.fusion == LEARNED:
        axes.set_xscale("log")
        axes.minorticks_off()
    if choice.fusion == "reciprocal":
        axes.set_xscale("log")
        axes.set_xticks([1, 10, 100], ["1", "10", "100"])
        axes.minorticks_off()
    axes.set_xlabel(number_name(choice, results), labelpad=1)
    axes.set_ylabel(choice.metric.upper(), labelpad=2)
    axes.margins(y=0.2)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.annotate(
        value_name(choice, choice.chosen),
        chosen,
        xytext=(0, 6),
        textcoords="offset points",
        ha="center",
    )
