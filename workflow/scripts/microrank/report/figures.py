"""The report's figures, as svg."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from matplotlib.ticker import MaxNLocator

from microrank.evaluation.diagnostics import quarters
from microrank.evaluation.score import ORACLE, RANDOM_EXPECTED
from microrank.files import read_csv
from microrank.report.labels import kind_of, label_of
from microrank.report.positions import Point, position_bins, position_curve, range_text
from microrank.report.style import COLOURS, FAINT, QUARTERS, panels
from microrank.report.svg_panels import INK, PAPER
from microrank.report.tuning import number_name, tuning_curve

SMALL: dict[str, Any] = {"columns": 3, "height": 1.95}  # a panel a method
FEW = 8  # numbers of users that stand side by side below the axes; more are turned
Kinds = Mapping[str, str]


def draw_figures(
    metrics: pa.Table,
    diagnostics: Mapping[str, Any],
    training: Path | None,
    kinds: Kinds,
    fusions: Mapping[str, Mapping[str, Any]],
    *,
    confidence: float,
    paths: Mapping[str, Path],
) -> None:
    """Write the figures `hits`, `positions`, `flow`, `training` and, where there are `fusions`, `fusion` to their `paths`.

    Args:
        metrics: table METRICS. diagnostics: as `diagnose_rankings` gives them. training: the csv of `train_nfm`; None: no NFM was trained,
            and there is no such figure.
        kinds: method -> `encoder`, `llm`, `reference` or `fusion`, with `simulated ` before it where it asks a simulated model.
        fusions: method -> `fusion`, `of`, `chosen`, `metric`, `tuning_users` and `curve`: rows of number, mean
            quality and its standard error.
        confidence: of the intervals.
    """
    draw_hits(metrics, kinds, paths["hits"])
    draw_positions(diagnostics, kinds, confidence, paths["positions"])
    draw_flow(diagnostics, kinds, paths["flow"])
    if training:
        draw_training(training, paths["training"])
    if fusions:
        draw_fusion(fusions, kinds, confidence, paths["fusion"])


def draw_hits(metrics: pa.Table, kinds: Kinds, path: Path) -> None:
    """Hits@5 and Hits@10 of each method with their intervals; a dashed line and a band for what shuffles reach."""
    rows = [row for row in metrics.to_pylist() if row["metric"] == "hits"]
    cutoffs = [cutoff for cutoff in (5, 10) if any(row["cutoff"] == cutoff for row in rows)] or [
        rows[0]["cutoff"]
    ]
    methods = [
        name
        for name in dict.fromkeys(row["method"] for row in rows)
        if name not in (RANDOM_EXPECTED, ORACLE)
    ]
    labels = [label_of(name, kinds) for name in methods]
    margins = (0.15 + 0.076 * max(map(len, labels)), 0.12, 0.3, 0.3)
    note = "line: interval · hollow: simulated · dashed line and band: what a random shuffle of the same lists expects, and reaches"
    with panels(
        path,
        "Hits per method",
        len(cutoffs),
        columns=2,
        height=0.7 + 0.22 * len(methods),
        margins=margins,
        note=note,
        size=9,
    ) as grid:
        for axes, cutoff in zip(grid, cutoffs, strict=True):
            _hits_panel(
                axes,
                {row["method"]: row for row in rows if row["cutoff"] == cutoff},
                methods,
                kinds,
            )
            axes.set_title(f"Hits@{cutoff} of {rows[0]['n_users']:,} users")
            axes.set_yticks(range(len(methods)), labels)
            axes.set_ylim(len(methods) - 0.4, -0.6)


def _hits_panel(
    axes: Axes, of: Mapping[str, dict[str, Any]], methods: list[str], kinds: Kinds
) -> None:
    random = of[RANDOM_EXPECTED]
    axes.axvspan(random["ci_low"], random["ci_high"], color=FAINT, alpha=0.22, linewidth=0)
    axes.axvline(random["value"], color=INK, linestyle=(0, (4, 3)), linewidth=0.9)
    ends = [of[name][end] for name in methods for end in ("ci_low", "ci_high")] + [
        random["ci_low"],
        random["ci_high"],
    ]
    room = max(ends) - min(ends)
    for place, name in enumerate(methods):
        row, colour = of[name], COLOURS[kind_of(name, kinds)]
        axes.plot(
            [row["ci_low"], row["ci_high"]],
            [place, place],
            color=colour,
            linewidth=1.8,
            solid_capstyle="butt",
        )
        simulated = kinds.get(name, "").startswith("simulated")
        axes.plot(
            row["value"],
            place,
            "o",
            color=PAPER if simulated else colour,
            markeredgecolor=colour,
            markersize=5.5,
            zorder=4,
        )
        axes.annotate(
            f"{row['value']:,.0f}",
            (row["ci_high"], place),
            xytext=(6, 0),
            textcoords="offset points",
            va="center_baseline",
        )
    axes.set_xlim(max(0, min(ends) - 0.08 * room), max(ends) + 0.16 * room)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 5, 10]))
    axes.spines["left"].set_visible(False)


def draw_positions(
    diagnostics: Mapping[str, Any], kinds: Kinds, confidence: float, path: Path
) -> None:
    """How often the held-out item ends in the top 10, by where it stood before; every point with its interval and its number of users."""
    bins = position_bins(diagnostics)
    shares = {0.0: "0", 0.5: "½", 1.0: "1"}
    note = "filled, solid: by position in the recommender's list · hollow, dotted: by position where the model was shown it · dashed: random shuffle"
    methods, cutoff = diagnostics["methods"], min(diagnostics["hit_cutoff"], diagnostics["k"])
    by_shown = any("by_shown_position" in found for found in methods.values())
    many = len(bins) > FEW
    foot = 0.54 + by_shown * (0.34 if many else 0.18)
    margins = (0.46, 0.1, foot, 0.26)
    with panels(
        path,
        "Hit rate by position",
        len(methods),
        columns=3,
        height=1.5 + foot,
        margins=margins,
        note=note,
    ) as grid:
        for axes, (name, found) in zip(grid, methods.items(), strict=True):
            axes.axhline(
                cutoff / diagnostics["k"], color=FAINT, linewidth=0.9, linestyle=(0, (4, 3))
            )
            both = "by_shown_position" in found
            _position_points(
                axes,
                position_curve(found["by_recommender_position"], bins, confidence),
                INK,
                both,
                0,
            )
            if both:
                _position_points(
                    axes,
                    position_curve(found["by_shown_position"], bins, confidence),
                    COLOURS["llm"],
                    both,
                    1,
                )
            axes.set_title(label_of(name, kinds))
            axes.set_ylabel(f"HR@{cutoff}", labelpad=5)
            axes.set_ylim(-0.04, 1.04)
            axes.set_yticks([*shares], shares.values())
            axes.set_xlim(0.2, diagnostics["k"] + 0.8)
            axes.set_xticks([1, *range(5, diagnostics["k"] + 1, 5)])


def _position_points(axes: Axes, points: list[Point], colour: str, both: bool, row: int) -> None:
    """One curve; the second of two is hollow and a little to the right. Below the axes, a row of how many users each point is of."""
    step = 0.22 * (2 * row - 1) if both else 0
    known = [((point.low + point.high) / 2 + step, point) for point in points if point.users]
    xs, rates = [x for x, _ in known], [point.hits / point.users for _, point in known]
    for x, rate, (_, point) in zip(xs, rates, known, strict=True):
        axes.plot([x, x], [point.ci_low, point.ci_high], color=colour, linewidth=0.9, alpha=0.75)
        axes.plot(
            [point.low - 0.3 + step, point.high + 0.3 + step],
            [rate, rate],
            color=colour,
            linewidth=0.9,
            alpha=0.75,
        )
    look: dict[str, Any] = (
        {"linestyle": ":", "markerfacecolor": PAPER} if row else {"linestyle": "-"}
    )
    axes.plot(xs, rates, color=colour, marker="o", markersize=3, linewidth=1.1, zorder=4, **look)
    many, below = len(points) > FEW, axes.get_xaxis_transform()
    down = -0.25 - (0.24 if many else 0.15) * row
    axes.text(
        -0.6, down, "n ○" if row else "n", transform=below, fontsize=7, ha="right", va="center"
    )
    for point in points:
        style: dict[str, Any] = {"fontsize": 6, "rotation": 90} if many else {"fontsize": 6.5}
        axes.text(
            (point.low + point.high) / 2,
            down,
            f"{point.users:,}",
            transform=below,
            ha="center",
            va="center",
            **style,
        )


def draw_flow(diagnostics: Mapping[str, Any], kinds: Kinds, path: Path) -> None:
    """From which bin of the recommender's list to which bin of the method's the held-out items moved."""
    names = [range_text(*bin_) for bin_ in quarters(diagnostics["k"])]
    methods = diagnostics["methods"]
    note = "left: rank of the held-out item in the recommender's list · right: in the re-ranked list · with numbers of users"
    margins = (0.66, 0.66, 0.1, 0.28)
    with panels(
        path, "Rank flow", len(methods), columns=3, height=1.95, margins=margins, note=note
    ) as grid:
        for axes, (name, found) in zip(grid, methods.items(), strict=True):
            _ribbons(axes, np.array(found["flow"], float), names)
            axes.set_title(label_of(name, kinds), x=-0.4)
            axes.set_axis_off()


def _ribbons(axes: Axes, flow: np.ndarray, names: list[str]) -> None:
    """Bands from the left stack to the right; best ranks on top."""
    total, gap = max(flow.sum(), 1), 0.03
    left = np.cumsum([0, *flow.sum(axis=1)]) / total + gap * np.arange(len(flow) + 1)
    right = np.cumsum([0, *flow.sum(axis=0)]) / total + gap * np.arange(len(flow) + 1)
    left_used, right_used = left[:-1].copy(), right[:-1].copy()
    for before in range(len(flow)):
        for after in range(len(flow)):
            width = flow[before, after] / total
            if width:
                a, b = left_used[before], right_used[after]
                corners = [
                    (0, a),
                    (0.5, a),
                    (0.5, b),
                    (1, b),
                    (1, b + width),
                    (0.5, b + width),
                    (0.5, a + width),
                    (0, a + width),
                    (0, a),
                ]
                codes = [
                    Outline.MOVETO,
                    *[Outline.CURVE4] * 3,
                    Outline.LINETO,
                    *[Outline.CURVE4] * 3,
                    Outline.CLOSEPOLY,
                ]
                axes.add_patch(
                    PathPatch(
                        Outline(corners, codes), facecolor=QUARTERS[before], alpha=0.55, linewidth=0
                    )
                )
                left_used[before] += width
                right_used[after] += width
    for x, starts, shares in ((-0.03, left, flow.sum(axis=1)), (1.0, right, flow.sum(axis=0))):
        middles = starts[:-1] + shares / total / 2
        for bin_, y in enumerate(_apart(middles, 0.11)):
            axes.add_patch(_block(x, starts[bin_], shares[bin_] / total, QUARTERS[bin_]))
            text = f"{names[bin_]}: {shares[bin_]:,.0f}"
            axes.text(
                x + (-0.03 if x < 0 else 0.06),
                y,
                text,
                fontsize=7,
                va="center",
                ha="right" if x < 0 else "left",
            )
    axes.set_xlim(-0.03, 1.03)
    axes.set_ylim(1 + gap * len(flow), -0.02)


def _apart(places: np.ndarray, least: float) -> np.ndarray:
    """The places, ascending, moved as far down and then up as it takes to be so far from each other and above the end."""
    moved = np.array(places, float)
    for i in range(1, len(moved)):
        moved[i] = max(moved[i], moved[i - 1] + least)
    moved[-1] = min(moved[-1], 1 + 0.03 * len(moved) - least / 2)
    for i in range(len(moved) - 2, -1, -1):
        moved[i] = min(moved[i], moved[i + 1] - least)
    return moved


def _block(x: float, y: float, height: float, colour: str) -> PathPatch:
    return PathPatch(
        Outline([(x, y), (x + 0.03, y), (x + 0.03, y + height), (x, y + height), (x, y)]),
        facecolor=colour,
        linewidth=0,
    )


def draw_training(training: Path, path: Path) -> None:
    """Loss and the quality on valid over training."""
    rows = read_csv(training, ("half_epoch", "loss", "valid_ndcg@10"))
    epochs = [int(row["half_epoch"]) / 2 for row in rows]
    note = "orange: the state that was kept"
    with panels(
        path,
        "Training of the recommender",
        2,
        columns=2,
        height=2.1,
        margins=(0.6, 0.2, 0.45, 0.3),
        note=note,
        size=9,
    ) as (
        loss,
        score,
    ):
        for axes, column, title, colour in (
            (loss, "loss", "Loss", INK),
            (score, "valid_ndcg@10", "NDCG@10 on valid", COLOURS["encoder"]),
        ):
            values = [float(row[column]) for row in rows]
            axes.plot(epochs, values, color=colour, marker="o", markersize=3.5)
            axes.set_title(title)
            axes.set_xlabel("epochs", labelpad=2)
            axes.xaxis.set_major_locator(MaxNLocator(6))
            axes.yaxis.set_major_locator(MaxNLocator(5))
            axes.margins(y=0.15)
        best = int(np.argmax([float(row["valid_ndcg@10"]) for row in rows]))
        kept = float(rows[best]["valid_ndcg@10"])
        score.plot(epochs[best], kept, "o", color=COLOURS["llm"], markersize=7, zorder=3)
        score.annotate(
            "kept", (epochs[best], kept), xytext=(0, 7), textcoords="offset points", ha="center"
        )


def draw_fusion(
    fusions: Mapping[str, Mapping[str, Any]], kinds: Kinds, confidence: float, path: Path
) -> None:
    """The quality on other users by which each fusion's number was chosen, with an interval of each mean."""
    users = next(iter(fusions.values()))["tuning_users"]
    note = f"on {users:,} other users · band: interval of each mean by itself · orange: chosen"
    with panels(
        path,
        "Choice of the fusions' numbers",
        len(fusions),
        margins=(0.55, 0.12, 0.46, 0.28),
        note=note,
        **SMALL,
    ) as grid:
        for axes, (name, found) in zip(grid, fusions.items(), strict=True):
            numbers, quality, low, high = zip(*tuning_curve(found, confidence), strict=True)
            axes.fill_between(numbers, low, high, color=COLOURS["fusion"], alpha=0.2, linewidth=0)
            axes.plot(
                numbers, quality, color=COLOURS["fusion"], marker="o", markersize=2.5, linewidth=1.1
            )
            best = quality[numbers.index(found["chosen"])]
            axes.plot(found["chosen"], best, "o", color=COLOURS["llm"], markersize=6, zorder=3)
            if found["fusion"] == "reciprocal":
                axes.set_xscale("log")
                axes.set_xticks([1, 10, 100], ["1", "10", "100"])
                axes.minorticks_off()
            axes.set_title(label_of(name, kinds))
            axes.set_xlabel(number_name(found, kinds), labelpad=1)
            axes.set_ylabel(found["metric"].upper(), labelpad=2)
            axes.margins(y=0.2)
            axes.yaxis.set_major_locator(MaxNLocator(4))
            axes.annotate(
                f"{found['chosen']:g}",
                (found["chosen"], best),
                xytext=(0, 6),
                textcoords="offset points",
                ha="center",
            )
