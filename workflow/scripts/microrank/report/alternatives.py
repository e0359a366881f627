"""The numbers behind the figures, as tables: for readers who cannot see a curve, and for those who want more than its shape."""

from microrank.evaluation.diagnostics import quarters
from microrank.report.blocks import Table
from microrank.report.positions import position_bins, position_curve, range_text
from microrank.report.study import Study
from microrank.report.tuning import number_name, tuning_curve


def positions_numbers(study: Study) -> Table:
    """A row for each point of the figure `positions`."""
    bins, cutoff = position_bins(study.diagnostics), min(study.k, study.diagnostics["hit_cutoff"])
    rows = []
    for name, found in study.diagnostics["methods"].items():
        for key, order in (
            ("by_recommender_position", study.lists_name),
            ("by_shown_position", "as shown"),
        ):
            for low, high, hits, users, rate, *ends in (
                position_curve(found[key], bins, study.confidence) if key in found else ()
            ):
                shares = (
                    ["–", "–"]
                    if rate is None
                    else [f"{rate:.2f}", "–".join(f"{end:.2f}" for end in ends)]
                )
                rows.append(
                    [
                        study.label(name),
                        order,
                        range_text(low, high),
                        f"{hits:,}",
                        f"{users:,}",
                        *shares,
                    ]
                )
    return Table(["method", "list", "positions", "hits", "users", f"HR@{cutoff}", "interval"], rows)


def flow_numbers(study: Study) -> Table:
    """A row for each method and bin of the recommender's list: how many users' held-out items went from there to each bin."""
    names = [range_text(*bin_) for bin_ in quarters(study.k)]
    rows = [
        [study.label(name), before, *(f"{users:,}" for users in to)]
        for name, found in study.diagnostics["methods"].items()
        for before, to in zip(names, found["flow"], strict=True)
    ]
    return Table(["method", "from ranks", *(f"to {name}" for name in names)], rows)


def fusion_numbers(study: Study) -> Table:
    """A row for each value that was tried."""
    rows = [
        [
            study.label(name),
            number_name(found, study.kinds),
            f"{value:g}",
            f"{mean:.4f}",
            f"{low:.4f}–{high:.4f}",
            "chosen" * (value == found["chosen"]),
        ]
        for name, found in study.fusions.items()
        for value, mean, low, high in tuning_curve(found, study.confidence)
    ]
    metric = next(iter(study.fusions.values()))["metric"].upper()
    return Table(["fusion", "number", "value", metric, "interval", ""], rows)
