"""The section that says what moved the lists: the user's history, or something else."""

from microrank.evaluation.attribution import OWN, SHUFFLE, Attribution, Step
from microrank.evaluation.verdicts import UNCLEAR, UNREADABLE, problem_of_shares
from microrank.report.blocks import Block, Paragraph, Section, Table
from microrank.report.numbers import p_cell, signed
from microrank.report.study import Study

SHOWN = {
    SHUFFLE: "a random shuffle",
    "none": "no history",
    "another": "another user's history",
    "shuffled": "the own history, shuffled",
    OWN: "the own history",
}
HOW_TO = (
    "To see whether a gain comes from the user's own history, try others: "
    "`placebos: [none, another, shuffled]` of a reranker that asks a language model."
)


def attribution_section(study: Study) -> list[Section]:
    """Show hits with other histories and at other places, and what explains each order."""
    found = study.attribution
    if found is None:
        return []
    steps = _steps(study, found) if found.steps else Paragraph(HOW_TO)
    blocks: list[Block] = [
        steps,
        *_swept(study, found),
        *_beyond(study, found),
        _explained(study, found),
    ]
    if found.answers:
        blocks.append(
            Paragraph(
                f"These trials took {found.answers:,} more answers and {found.tokens:,} tokens. "
                "They belong to no comparison of methods."
            )
        )
    return [Section("What moved the lists", blocks)]


def _steps(study: Study, found: Attribution) -> Table:
    rows = [
        [
            study.label(step.method),
            SHOWN[step.history],
            f"{step.hits:,}",
            SHOWN[step.baseline],
            signed(step.delta),
            p_cell(step.p_value),
            p_cell(step.p_holm),
            _words(study, step),
        ]
        for step in found.steps
    ]
    caption = (
        f"Hits@{found.cutoff} of {found.n_users:,} users with other histories. Only what the own "
        "history adds to another user's is personalisation. Tests: exact McNemar, against a "
        "shuffle exact binomial; Holm-adjusted over the rows of this table. Another's: two users "
        "next to each other in the seeded order swap their histories. With no history nothing is "
        "subtracted from scores (`prior`, `calibrate`). Where answers of a row or of its baseline "
        "were not read, or repeat the order shown, no comparison is drawn."
    )
    header = [
        "method",
        "asked with",
        f"Hits@{found.cutoff}",
        "compared with",
        "difference",
        "p",
        "p (Holm)",
        "",
    ]
    return Table(header, rows, caption)


def _words(study: Study, step: Step) -> str:
    if problem := problem_of_shares(step.unread, step.order_shown, study.unread_share):
        return problem
    if step.p_holm > study.level:
        return UNCLEAR
    return "more" if step.delta > 0 else "fewer"


def _swept(study: Study, found: Attribution) -> list[Table]:
    if not found.swept:
        return []
    rows = [
        [
            study.label(row.method),
            row.place,
            f"{row.hits:,}",
            f"{row.users:,}",
            UNREADABLE if row.unread > study.unread_share else "",
        ]
        for row in found.swept
    ]
    caption = (
        f"Hits@{found.cutoff} with the held-out item shown at one place of every list. An order "
        "that does not depend on places has the same hits at each."
    )
    header = ["method", "held-out item shown", f"Hits@{found.cutoff}", "users", ""]
    return [Table(header, rows, caption)]


def _beyond(study: Study, found: Attribution) -> list[Table]:
    if not found.beyond:
        return []
    rows = [
        [
            study.label(row.method),
            f"{row.hits:,}",
            study.label(row.baseline),
            f"{row.baseline_hits:,}",
            signed(row.hits - row.baseline_hits),
            p_cell(row.p_value),
            p_cell(row.p_holm),
        ]
        for row in found.beyond
    ]
    hits = f"Hits@{found.cutoff}"
    caption = (
        "What a language model adds to what is free: two rows learned from the same tuning users, "
        "one of them with the model's score. Exact McNemar test, Holm-adjusted over these rows."
    )
    header = ["with the model", hits, "without", hits, "difference", "p", "p (Holm)"]
    return [Table(header, rows, caption)]


def _explained(study: Study, found: Attribution) -> Table:
    rows = [
        [
            study.label(row.method),
            _agreement(study.diagnostics.methods[row.method].kendall_to_shown),
            _agreement(study.diagnostics.methods[row.method].kendall_to_recommender),
            _agreement(row.popularity),
            _agreement(row.length),
        ]
        for row in found.explained
    ]
    caption = (
        "How far each order goes with what has nothing to do with the user: pairs in the same "
        "order less those in the other one, as a share of the pairs that differ (Kendall's τ "
        "without ties, else Goodman and Kruskal's γ), a mean over users. 1: the same order; 0: no "
        "relation. The place shown is that of single answers; – where no list is shown."
    )
    header = [
        "method",
        "place shown",
        "recommender's order",
        "popular first",
        "long titles first",
    ]
    return Table(header, rows, caption)


def _agreement(value: float | None) -> str:
    return "–" if value is None else f"{value:+.2f}".replace("-", "−")
