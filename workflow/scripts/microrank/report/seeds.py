"""The spread of the results over whole repeats of the study."""

from microrank.report.blocks import Paragraph, Section, Table
from microrank.report.numbers import count
from microrank.report.study import Study


def over_seeds(study: Study) -> list[Section]:
    """Mean ± standard deviation of Hits@N per method, and the range of the last; nothing where the study ran once."""
    if study.seeds is None:
        return []
    found = {(row["method"], row["metric"], row["cutoff"]): row for row in study.seeds.to_pylist()}
    last = study.main_cutoffs[-1]
    rows = []
    for name in study.all_rows:
        hits = [found[name, "hits", cutoff] for cutoff in study.main_cutoffs]
        cells = [f"{row['mean']:.1f} ± {row['sd']:.1f}" for row in hits]
        difference = found.get((name, "hr_difference", last))
        told = (
            f"{difference['mean'] * study.n_users:+.1f} ± {difference['sd'] * study.n_users:.1f}".replace(
                "-", "−"
            )
            if difference
            else ""
        )
        rows.append(
            [study.label(name), *cells, f"{count(hits[-1]['low'])}–{count(hits[-1]['high'])}", told]
        )
    n = found[study.recommender, "hits", last]["n_seeds"]
    text = f"The whole study {n} times, each with a seed of its own for training, for the draw of users and for shuffles."
    header = [
        "method",
        *(f"Hits@{cutoff}" for cutoff in study.main_cutoffs),
        f"range at {last}",
        f"− {study.lists_name} at {last}",
    ]
    return [
        Section(
            "Over seeds",
            [Paragraph(text), Table(header, rows, "Mean ± standard deviation over the repeats.")],
        )
    ]
