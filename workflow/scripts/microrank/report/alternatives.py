"""The numbers behind the figures, as tables: for readers who cannot see a curve, and for those who want more than its shape."""

from microrank.evaluation.diagnostics import quarters
from microrank.report.blocks import Table
from microrank.report.slots import range_text, slot_curve, slot_stretches
from microrank.report.study import Study
from microrank.report.tuning import number_name, tuning_curve


def slots_numbers(study: Study) -> Table:
    """A row for each point of the figure `slots`."""
    stretches, cutoff = slot_stretches(study.diagnostics), min(study.k, study.diagnostics["hit_cutoff"])
    rows = []
    for name, found in study.diagnostics["methods"].items():
        for key, order in (("by_recommender_slot", study.lists_name), ("by_shown_slot", "as shown")):
            for low, high, hits, users, rate, *ends in slot_curve(found[key], stretches, study.confidence) if key in found else ():
                shares = ["–", "–"] if rate is None else [f"{rate:.2f}", "–".join(f"{end:.2f}" for end in ends)]
                rows.append([study.label(name), order, range_text(low, high), f"{hits:,}", f"{users:,}", *shares])
    return Table(["method", "list", "slots", "hits", "users", f"HR@{cutoff}", "interval"], rows)


def flow_numbers(study: Study) -> Table:
    """A row for each method and stretch of the recommender's list: how many users' hidden items went from there to each stretch."""
    names = [range_text(*stretch) for stretch in quarters(study.k)]
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
