"""The section that says how far answers to the same question differ."""

import math

from microrank.evaluation.noise import Noise, NoiseRow
from microrank.evaluation.verdicts import problem_of_shares
from microrank.report.blocks import Paragraph, Section, Table
from microrank.report.study import Study

TITLE = "Asked the same again"
ABOUT = (
    "A service may answer one question differently each time, at temperature 0 too. Of each row "
    "below every question was asked several times; the first answers alone are in all other "
    "tables. The variance of a hit is that over answers to one question, over users{seeds}, by the "
    "analysis of variance; each share is of their sum."
)


def noise_section(study: Study) -> list[Section]:
    """Show hits by each answer, and whose variance they have; nothing where none was repeated."""
    if study.noise is None:
        return []
    about = ABOUT.format(seeds=" and over seeds of the study" if study.noise.n_seeds > 1 else "")
    cost = (
        f"The further answers were {study.noise.answers:,}, of {study.noise.tokens:,} tokens. They "
        "belong to no comparison of methods."
    )
    return [Section(TITLE, [Paragraph(about), _table(study, study.noise), Paragraph(cost)])]


def _table(study: Study, noise: Noise) -> Table:
    header = [
        "method",
        f"Hits@{noise.cutoff} by answer 1, 2, …",
        "users whose order varies",
        "whose hit varies",
        "share of answers",
        "of users",
        *(["of seeds"] if noise.n_seeds > 1 else []),
        "± hits by answers",
        "",
    ]
    caption = (
        f"Of {noise.n_users:,} users. In brackets {study.confidence:.0%} bootstrap intervals over "
        "users. ± hits by answers: the standard deviation of Hits@N that the same users would have "
        "if they were asked about again. –: all hits are the same. Where no hit varied there is no "
        "interval."
    )
    return Table(header, [_cells(study, noise, row) for row in noise.rows], caption)


def _cells(study: Study, noise: Noise, row: NoiseRow) -> list[str]:
    of_seeds = row.of_seeds or 0.0
    total = row.of_answers + row.of_users + of_seeds
    own = _percent(row.share)
    if row.share_low is not None and row.share_high is not None and row.share is not None:
        own += f" ({row.share_low:.0%} to {row.share_high:.0%})"
    return [
        study.label(row.method),
        ", ".join(f"{hits:,}" for hits in row.hits),
        f"{row.orders_vary:,}",
        f"{row.hits_vary:,}",
        own,
        _percent(row.of_users / total if total else None),
        *([_percent(of_seeds / total if total else None)] if noise.n_seeds > 1 else []),
        f"{math.sqrt(noise.n_users * row.of_answers):.1f}",
        problem_of_shares(row.unread, row.order_shown, study.unread_share) or "",
    ]


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"
