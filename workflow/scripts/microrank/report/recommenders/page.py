"""The page of several recommenders, as blocks and as Markdown."""

from microrank.evaluation.comparison import Difference
from microrank.report.blocks import Block, Paragraph, Section, Table, numbered
from microrank.report.markdown import titled_sections
from microrank.report.numbers import (
    count,
    digits_of,
    p_cell,
    percent_signed,
    signed,
)
from microrank.report.recommenders.answer import answer
from microrank.report.recommenders.chosen import chosen_section
from microrank.report.recommenders.compared import Compared
from microrank.report.recommenders.slices import slices_section
from microrank.report.verdicts import verdict

TITLE = "Does the answer depend on the recommender?"


def write_recommenders(compared: Compared) -> str:
    """Write the text of recommenders.md."""
    lines = [f"# {TITLE}", "", answer(compared), ""]
    if compared.is_synthetic:
        lines += [
            "> **The data are made up.** The numbers show that the workflow runs, and say nothing "
            "about real recommenders.",
            "",
        ]
    sections = [
        _methods(compared),
        _differences(compared),
        _lists(compared),
        _pairs(compared),
        *_unions(compared),
        *slices_section(compared),
        chosen_section(compared),
    ]
    return "\n".join([*lines, *titled_sections(numbered(sections), {})])


def _methods(compared: Compared) -> Section:
    """Show each method's verdict on each recommender's lists."""
    cutoff = compared.comparison.cutoff
    header = ["method", *(f"lists of {compared.label(name)}" for name in compared.names)]
    own = ["the list itself", *(_own_hits(compared, name) for name in compared.names)]
    rows = [own] + [
        [f"`{method}`", *(_cell(compared, name, method) for name in compared.names)]
        for method in compared.first.names
    ]
    caption = (
        f"Hits@{cutoff}, less those of the list itself, and the verdict by the rules of each "
        "study's report: corrected within each study, not over all of them. The verdict of a row "
        "that asks no language model rests on the tests at all main cutoffs."
    )
    return Section(
        "Every method on every recommender's lists", [Table(header, rows, caption, numbers=False)]
    )


def _own_hits(compared: Compared, name: str) -> str:
    study = compared.studies[name]
    hits = study.hits(study.recommender).value
    return f"{count(hits)} of {compared.comparison.n_users:,}"


def _cell(compared: Compared, name: str, method: str) -> str:
    study = compared.studies[name]
    hits = study.hits(method)
    return f"{count(hits.value)} ({signed(hits.delta or 0)}): {verdict(study, method)}"


def _differences(compared: Compared) -> Section:
    rows = [
        [
            f"`{row.method}`",
            f"{compared.label(row.first)} − {compared.label(row.second)}",
            " − ".join(f"({percent_signed(gain)})" for gain in row.gains),
            f"{percent_signed(row.delta)} ({_ends(row)})",
            p_cell(row.p_value),
            p_cell(row.p_holm),
            p_cell(row.p_within_holm),
        ]
        for row in compared.comparison.differences
    ]
    header = [
        "method",
        "lists",
        "gains",
        "difference",
        "p",
        "p after correction",
        f"p, within {compared.margin:.0%}",
    ]
    text = (
        "What a method gains over the list itself, as a share of the users, on one recommender's "
        "lists less on another's: a difference of differences. The test flips each user's sign "
        "(Fisher 1935), and counts all flips. It assumes that users are independent, and that "
        "without a difference a user's gains on the two lists could as well be exchanged. That is "
        "more than equal means. The last column tests that the difference lies within the margin, "
        "by two one-sided score tests (Tango 1998, for numbers from −2 to 2). p-values are "
        "Holm-adjusted over the rows that ask a language model, and over all others. Intervals "
        "are not."
    )
    return Section("The difference of differences", [Paragraph(text), Table(header, rows)])


def _ends(row: Difference) -> str:
    return f"{percent_signed(row.low)} to {percent_signed(row.high)}"


def _lists(compared: Compared) -> Section:
    comparison = compared.comparison
    digits = digits_of(comparison.n_all)
    metrics = list(next(iter(comparison.lists.values())).figures)
    rows = [
        [
            compared.label(name),
            *(
                f"{figure.value:.{digits}f} ({figure.low:.{digits}f}–{figure.high:.{digits}f})"
                for figure in lists.figures.values()
            ),
        ]
        for name, lists in comparison.lists.items()
    ]
    table = Table(
        ["recommender", *metrics],
        rows,
        f"Over all {comparison.n_all:,} users, {compared.first.confidence:.0%} intervals: "
        "Wilson's of hit rates, the bootstrap's of NDCG. The whole catalogue competes, seen items "
        "aside.",
    )
    return Section("The recommenders", [table, _catalogue(compared)])


def _catalogue(compared: Compared) -> Block:
    rows = []
    for name, lists in compared.comparison.lists.items():
        cost = compared.costs.get(name)
        rows.append(
            [
                compared.label(name),
                f"{lists.coverage:.1%}",
                f"{lists.novelty:.2f}",
                f"{lists.gini:.3f}",
                f"{cost.seconds:,.0f}" if cost else "–",
                f"{cost.megabytes:,.0f}" if cost and cost.megabytes is not None else "–",
            ]
        )
    header = ["recommender", "coverage", "novelty, bits", "Gini", "seconds", "MB"]
    caption = (
        "Coverage: share of the catalogue in somebody's list. Novelty: mean self-information of "
        "the listed items. Gini: how unequally items are listed, 0 to 1 (Castells, Hurley and "
        "Vargas 2022). Seconds and the most memory of the jobs that chose, trained and ranked, as "
        "they ran here; they differ from run to run."
    )
    return Table(header, rows, caption)


def _pairs(compared: Compared) -> Section:
    rows = [
        [
            f"{compared.label(row.first)} − {compared.label(row.second)}",
            percent_signed(row.hits.delta),
            f"{row.hits.wins:,}",
            f"{row.hits.losses:,}",
            p_cell(row.hits.p_value),
            p_cell(row.hits.p_holm),
        ]
        for row in compared.comparison.pairs
    ]
    cutoff = compared.comparison.cutoff
    header = ["lists", f"HR@{cutoff}", "hits of the first only", "of the second only", "p"]
    caption = "Paired, over all users: the exact McNemar test, Holm-adjusted over these rows."
    return Section(
        "Recommender against recommender", [Table([*header, "after correction"], rows, caption)]
    )


def _unions(compared: Compared) -> list[Section]:
    """Say what a union pool can reach at most."""
    comparison, texts = compared.comparison, []
    for name, parts in compared.unions.items():
        own = comparison.lists[name].hits
        of_parts = ", ".join(
            f"{comparison.lists[part].hits:,} ({compared.label(part)})"
            for part in parts
            if part in comparison.lists
        )
        texts.append(
            Paragraph(
                f"{compared.label(name)} takes the lists of "
                f"{', '.join(map(compared.label, parts))} in turn, place after place, until it has "
                f"{comparison.k} items. Nobody's held-out item was put in. It holds that item for "
                f"{own:,} of {comparison.n_all:,} users ({own / comparison.n_all:.2%}): no order "
                f"of the pool can pass that. Its parts hold it for {of_parts or '–'}."
            )
        )
    return [Section("The union pool", list(texts))] if texts else []
