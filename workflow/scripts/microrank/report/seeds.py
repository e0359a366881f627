"""The spread of the results over whole repeats of the study."""

from microrank.report.blocks import Paragraph, Section, Table
from microrank.report.numbers import count_span, with_minus
from microrank.report.study import Study


def over_seeds(study: Study) -> list[Section]:
    """Show mean ± standard deviation of Hits@N per method; nothing where the study ran once."""
    if study.seeds is None:
        return []
    last, cutoffs = study.last_cutoff, study.main_cutoffs
    text = (
        f"The whole study {study.n_seeds} times, each with a seed of its own for training, for the "
        "draw of users and for shuffles."
    )
    header = [
        "method",
        *(f"Hits@{cutoff}" for cutoff in cutoffs),
        f"range at {last}",
        f"− {study.lists_name} at {last}",
    ]
    rows = [_row(study, name) for name in study.all_rows]
    table = Table(header, rows, "Mean ± standard deviation over the repeats.")
    return [Section("Over seeds", [Paragraph(text), table])]


def _row(study: Study, name: str) -> list[str]:
    hits = [study.seed_rows[name, "hits", cutoff] for cutoff in study.main_cutoffs]
    difference = study.seed_rows.get((name, "hr_difference", study.last_cutoff))
    difference_text = ""
    if difference:
        mean, sd = difference.mean * study.n_users, difference.sd * study.n_users
        difference_text = with_minus(f"{mean:+.1f} ± {sd:.1f}")
    return [
        study.label(name),
        *(f"{row.mean:.1f} ± {row.sd:.1f}" for row in hits),
        count_span(hits[-1].low, hits[-1].high),
        difference_text,
    ]
