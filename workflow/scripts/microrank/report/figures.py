"""The report's figures, as svg."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from matplotlib.ticker import MaxNLocator

from microrank.evaluation.diagnostics import quarters
from microrank.evaluation.score import ORACLE, RANDOM_EXPECTED
from microrank.files import read_csv
from microrank.report.names import kind_of, label_of
from microrank.report.style import COLOURS, FAINT, INK, QUARTERS, drawing

COLUMNS = 4  # small panels in a row
Kinds = Mapping[str, str]


def draw_figures(
    metrics: pa.Table,
    diagnostics: Mapping[str, Any],
    training: Path | None,
    kinds: Kinds,
    fusions: Mapping[str, Mapping[str, Any]],
    *,
    paths: Mapping[str, Path],
) -> None:
    """Write the figures `hits`, `slots`, `flow`, `training` and, where there are `fusions`, `fusion` to their `paths`.

    Args:
        metrics: table METRICS. diagnostics: as `diagnose_rankings` gives them. training: the csv of `train_nfm`; None: no NFM was trained,
            and there is no such figure.
        kinds: method -> `encoder`, `llm`, `simulated llm`, `reference` or `fusion`.
        fusions: method -> `fusion`, `of`, `chosen`, `metric`, `tuning_users` and `curve`, pairs of number and quality.
    """
    draw_hits(metrics, kinds, paths["hits"])
    draw_slots(diagnostics, kinds, paths["slots"])
    draw_flow(diagnostics, kinds, paths["flow"])
    if training:
        draw_training(training, paths["training"])
    if fusions:
        draw_fusion(fusions, paths["fusion"])


def draw_hits(metrics: pa.Table, kinds: Kinds, path: Path) -> None:
    """Hits@5 and Hits@10 of each method with their intervals; a dashed line and a band for what shuffles reach."""
    rows = [row for row in metrics.to_pylist() if row["metric"] == "hits"]
    cutoffs = [cutoff for cutoff in (5, 10) if any(row["cutoff"] == cutoff for row in rows)] or [rows[0]["cutoff"]]
    methods = [name for name in dict.fromkeys(row["method"] for row in rows) if name not in (RANDOM_EXPECTED, ORACLE)]
    n = rows[0]["n_users"]
    with drawing(path, "Hits per method", 8.4, 1.3 + 0.3 * len(methods)) as figure:
        panels = figure.subplots(1, len(cutoffs), sharey=True, squeeze=False)[0]
        for axes, cutoff in zip(panels, cutoffs, strict=True):
            of = {row["method"]: row for row in rows if row["cutoff"] == cutoff}
            _hits_panel(axes, of, methods, kinds)
            axes.set_title(f"Hits@{cutoff} of {n:,} users")
        panels[0].set_yticks(range(len(methods)), [label_of(name, kinds) for name in methods])
        panels[0].invert_yaxis()
        figure.supxlabel("whiskers: intervals of the count · dashed line and band: what a random shuffle expects, and reaches", fontsize=8)


def _hits_panel(axes: Axes, of: Mapping[str, dict[str, Any]], methods: list[str], kinds: Kinds) -> None:
    random = of[RANDOM_EXPECTED]
    axes.axvspan(random["ci_low"], random["ci_high"], color=FAINT, alpha=0.22, linewidth=0)
    axes.axvline(random["value"], color=INK, linestyle=(0, (4, 3)), linewidth=1.2, zorder=3)
    highest = max(of[name]["ci_high"] for name in methods)
    for place, name in enumerate(methods):
        row = of[name]
        simulated = kinds.get(name, "").startswith("simulated")
        colour = COLOURS[kind_of(name, kinds)]
        look: dict[str, Any] = {"facecolor": "none", "hatch": "////", "edgecolor": colour} if simulated else {"color": colour}
        axes.barh(place, row["value"], height=0.66, **look)
        axes.plot([row["ci_low"], row["ci_high"]], [place, place], color=INK, linewidth=1.3, solid_capstyle="butt", zorder=4)
        axes.text(row["ci_high"] + 0.02 * highest, place, f"{row['value']:,.0f}", va="center", fontsize=9)
    axes.set_xlim(0, highest * 1.12)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.spines["left"].set_visible(False)


def draw_slots(diagnostics: Mapping[str, Any], kinds: Kinds, path: Path) -> None:
    """How often the hidden item ends in the top 10, by where it stood before: flat for a method that only looks at titles."""
    stretches = quarters(diagnostics["k"])

    def panel(axes: Axes, found: Mapping[str, Any]) -> None:
        for key, style, colour, name in (
            ("by_recommender_slot", "-", INK, "recommender's list"),
            ("by_shown_slot", "--", COLOURS["llm"], "order shown"),
        ):
            if key in found:
                axes.plot(
                    range(len(stretches)), _pooled(found[key], stretches), style, color=colour, marker="o", markersize=3.5, label=name
                )
        axes.axhline(min(1, diagnostics["hit_cutoff"] / diagnostics["k"]), color=FAINT, linewidth=1, linestyle=(0, (4, 3)))
        axes.set_ylim(-0.04, 1.04)
        axes.set_yticks([0, 0.5, 1], ["0", "½", "1"])
        axes.set_xticks(range(len(stretches)), [f"{low}–{high}" for low, high in stretches], fontsize=8)

    with _panels(path, "Hit rate by slot", diagnostics["methods"], kinds, panel) as figure:
        figure.supylabel(f"HR@{diagnostics['hit_cutoff']}", fontsize=9)
        text = "slot of the hidden item in: — the recommender's list   - - the order shown to the language model · grey: random shuffle"
        figure.supxlabel(text, fontsize=8)


def _pooled(of_slots: Mapping[str, list[int]], stretches: list[tuple[int, int]]) -> list[float]:
    pooled = []
    for low, high in stretches:
        users = sum(of_slots["users"][low - 1 : high])
        pooled.append(sum(of_slots["hits"][low - 1 : high]) / users if users else float("nan"))
    return pooled


def draw_flow(diagnostics: Mapping[str, Any], kinds: Kinds, path: Path) -> None:
    """From which stretch of the recommender's list to which stretch of the method's the hidden items moved."""
    stretches = quarters(diagnostics["k"])

    def panel(axes: Axes, found: Mapping[str, Any]) -> None:
        _ribbons(axes, np.array(found["flow"], float))
        axes.set_xticks([0, 1], ["before", "re-ranked"], fontsize=8)
        axes.set_yticks([])
        axes.spines[["left", "bottom"]].set_visible(False)

    with _panels(path, "Rank flow", diagnostics["methods"], kinds, panel) as figure:
        names = ", ".join(f"{low}–{high}" for low, high in stretches)
        figure.supxlabel(
            f"ranks of the hidden item, from the top: {names} · coloured by where it stood in the recommender's list", fontsize=8
        )


def _ribbons(axes: Axes, flow: np.ndarray) -> None:
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
                corners = [(0, a), (0.5, a), (0.5, b), (1, b), (1, b + width), (0.5, b + width), (0.5, a + width), (0, a + width), (0, a)]
                codes = [Outline.MOVETO, *[Outline.CURVE4] * 3, Outline.LINETO, *[Outline.CURVE4] * 3, Outline.CLOSEPOLY]
                axes.add_patch(PathPatch(Outline(corners, codes), facecolor=QUARTERS[before], alpha=0.6, linewidth=0))
                left_used[before] += width
                right_used[after] += width
    for x, starts, shares in ((-0.03, left, flow.sum(axis=1)), (1.0, right, flow.sum(axis=0))):
        for stretch in range(len(flow)):
            axes.add_patch(_block(x, starts[stretch], shares[stretch] / total, QUARTERS[stretch]))
            if shares[stretch] / total > 0.07:
                inside = starts[stretch] + shares[stretch] / total / 2
                axes.text(
                    x + (-0.03 if x < 0 else 0.06),
                    inside,
                    f"{shares[stretch]:,.0f}",
                    fontsize=7,
                    va="center",
                    ha="right" if x < 0 else "left",
                )
    axes.set_xlim(-0.22, 1.22)
    axes.set_ylim(1 + gap * len(flow), -0.02)


def _block(x: float, y: float, height: float, colour: str) -> PathPatch:
    return PathPatch(Outline([(x, y), (x + 0.03, y), (x + 0.03, y + height), (x, y + height), (x, y)]), facecolor=colour, linewidth=0)


class _panels:
    """A grid of small panels, one a method, as a context that gives the figure."""

    def __init__(self, path: Path, title: str, methods: Mapping[str, Any], kinds: Kinds, panel: Callable[[Axes, Any], None]) -> None:
        rows = max(1, -(-len(methods) // COLUMNS))
        self._context = drawing(path, title, 8.4, 0.5 + 1.75 * rows)
        self._methods, self._kinds, self._panel, self._rows = methods, kinds, panel, rows

    def __enter__(self) -> Figure:
        figure = self._context.__enter__()
        grid = figure.subplots(self._rows, COLUMNS, squeeze=False).ravel()
        for axes, (name, found) in zip(grid, self._methods.items(), strict=False):
            self._panel(axes, found)
            axes.set_title(label_of(name, self._kinds), fontsize=8)
        for axes in grid[len(self._methods) :]:
            axes.set_axis_off()
        return figure

    def __exit__(self, *error: Any) -> None:
        self._context.__exit__(*error)


def draw_training(training: Path, path: Path) -> None:
    """Loss and the quality on valid over training."""
    with drawing(path, "Training of the recommender", 8.4, 2.5) as figure:
        loss, score = figure.subplots(1, 2)
        rows = read_csv(training, ("half_epoch", "loss", "valid_ndcg@10"))
        epochs = [int(row["half_epoch"]) / 2 for row in rows]
        for axes, column, title, colour in ((loss, "loss", "Loss", INK), (score, "valid_ndcg@10", "NDCG@10 on valid", COLOURS["encoder"])):
            values = [float(row[column]) for row in rows]
            axes.plot(epochs, values, color=colour, marker="o", markersize=3.5)
            axes.set_title(title)
            axes.set_xlabel("epochs")
        best = int(np.argmax([float(row["valid_ndcg@10"]) for row in rows]))
        score.plot(epochs[best], float(rows[best]["valid_ndcg@10"]), "o", color=COLOURS["llm"], markersize=7, zorder=3)
        score.annotate("kept", (epochs[best], float(rows[best]["valid_ndcg@10"])), xytext=(6, -12), textcoords="offset points", fontsize=8)
        score.margins(y=0.15)


def draw_fusion(fusions: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """The quality on other users by which each fusion's number was chosen."""

    def panel(axes: Axes, found: Mapping[str, Any]) -> None:
        numbers, quality = zip(*found["curve"], strict=True)
        axes.plot(numbers, quality, color=COLOURS["fusion"], marker="o", markersize=3)
        axes.plot(found["chosen"], dict(found["curve"])[found["chosen"]], "o", color=COLOURS["llm"], markersize=7, zorder=3)
        if found["fusion"] == "reciprocal":
            axes.set_xscale("log")
        axes.set_xlabel("k" if found["fusion"] == "reciprocal" else f"α, the weight of {found['of'][0]}", fontsize=8)
        axes.margins(y=0.2)

    kinds = dict.fromkeys(fusions, "fusion")
    with _panels(path, "Choice of the fusions' numbers", fusions, kinds, panel) as figure:
        one = next(iter(fusions.values()))
        figure.supylabel(one["metric"].upper(), fontsize=9)
        figure.supxlabel(f"on {one['tuning_users']:,} other users · orange: chosen", fontsize=8)
