"""What the report says of titles that the models may know by heart."""

from collections.abc import Sequence

from microrank.data.raw_keys import FIRST_INTERACTION
from microrank.evaluation.intervals import wilson_interval
from microrank.memory.result import Completed, Memory
from microrank.memory.titles import LEAST_WORDS
from microrank.report.blocks import Block, Paragraph, Section, Table
from microrank.report.numbers import p_cell, signed
from microrank.report.study import Study

ABOUT = (
    "Famous data may stand in what a model was trained on. Each model was shown the first half of "
    f"titles of the candidates, of those with {LEAST_WORDS} words or more. Completed: it wrote the "
    "rest word for word (as Carlini et al., Quantifying memorization across neural language "
    "models, ICLR 2023, define it; case and marks do not count). Own ending likeliest: of up to "
    "ten endings, the others of other titles, the own one has the largest mean log-probability a "
    "token. That may also be so because the two halves go together, so chance is not what a model "
    "without memory reaches."
)
NO_DATES = (
    "The results cannot be cut at a model's date: that needs `known_until` of the model and "
    "`item_date` of the data set, and {lacking}."
)

OF_ATTRIBUTE = "The model cannot have been trained on what was said of it."
OF_FIRST = "An item is dated by its first interaction in the files; in truth it may be older."


def memory_line(study: Study) -> str:
    """Say beside the verdict how many titles the models completed."""
    return " ".join(
        f"Shown the first half of {of.everything.titles:,} titles, `{of.llm}` completed "
        f"{of.everything.exact:,} word for word."
        if of.everything.titles
        else f"`{of.llm}` was asked for no title by heart: none of the candidates' titles has "
        f"{LEAST_WORDS} words."
        for of in study.memory
    )


def memory_section(study: Study) -> list[Section]:
    """Show what each model completed, and the hits on items that are newer than it."""
    if not study.memory:
        return []
    blocks: list[Block] = [Paragraph(ABOUT), _table(study, study.memory), *_newer(study)]
    return [Section("What the models know by heart", blocks)]


def _table(study: Study, memories: Sequence[Memory]) -> Table:
    rows = []
    for of in memories:
        rows.append([f"`{of.llm}`", "all", *_cells(study, of.everything, of.chance)])
        if of.newer is not None:
            label = f"of items newer than {of.until}"
            rows.append([f"`{of.llm}`", label, *_cells(study, of.newer, of.chance)])
    header = ["model", "titles", "asked", "completed", "own ending likeliest", "by chance"]
    caption = f"In brackets {study.confidence:.0%} Wilson intervals; –: nobody was asked."
    return Table(header, rows, caption)


def _cells(study: Study, of: Completed, chance: float) -> list[str]:
    return [
        f"{of.titles:,}",
        _share(study, of.exact, of.titles),
        _share(study, of.likeliest, of.chosen_from),
        f"{chance:.0%}" if of.chosen_from else "–",
    ]


def _share(study: Study, count: int, n: int) -> str:
    if not n:
        return "–"
    low, high = wilson_interval(count, n, study.confidence)
    return f"{count:,} ({low:.0%} to {high:.0%})"


def _newer(study: Study) -> list[Block]:
    dated = [of for of in study.memory if of.newer is not None]
    if not dated:
        lacking = " and ".join(
            [
                *(["no model has the former"] if not any(of.until for of in study.memory) else []),
                *(["the data set has no latter"] if study.item_date is None else []),
            ]
        )
        return [Paragraph(NO_DATES.format(lacking=lacking or "they are not of one model"))]
    cutoff = study.last_cutoff
    rows = [
        [
            study.label(row.method),
            row.until,
            f"{row.users:,}",
            f"{row.hits:,}",
            f"{row.recommenders_hits:,}",
            signed(row.hits - row.recommenders_hits),
            p_cell(row.p_value),
        ]
        for row in study.newer
    ]
    caption = (
        f"Hits@{cutoff} of users whose held-out item is newer than the model that the row asks. "
        f"{OF_FIRST if study.item_date == FIRST_INTERACTION else OF_ATTRIBUTE} Exact McNemar test, "
        "not corrected. Items without a date, or with one that may be either, are left out."
    )
    header = ["method", "model's date", "users", "hits", study.lists_name, "difference", "p"]
    return [Table(header, rows, caption)]
