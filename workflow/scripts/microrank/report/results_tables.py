"""The section `Results`: the main figure, the main table, and what stands behind them."""

from microrank.evaluation.metrics import ORACLE
from microrank.evaluation.verdicts import ECHO, ECHO_SHARE, NO_DIFFERENCE, UNCLEAR, UNREADABLE
from microrank.report.blocks import Paragraph, Section, Table
from microrank.report.figures import picture
from microrank.report.headline import in_question
from microrank.report.numbers import count, count_span, p_cell, share_signed, signed
from microrank.report.power import power_line, power_table
from microrank.report.study import Study
from microrank.report.verdicts import asked_by, verdict


def results(study: Study) -> Section:
    """Show Hits@N and verdicts, means over users, all cutoffs, and the power of the tests."""
    power = power_line(study, in_question(study))
    return Section(
        "Results",
        [
            picture("hits", study),
            _main_table(study),
            _means_table(study),
            _all_cutoffs_table(study),
            *([Paragraph(power)] if power else []),
            *([power_table(study)] if study.names else []),
        ],
    )


def _main_table(study: Study) -> Table:
    last, cutoffs = study.last_cutoff, study.main_cutoffs
    header = [
        "method",
        f"against {study.lists_name}",
        "against a shuffle",
        *(f"Hits@{cutoff}" for cutoff in cutoffs),
        f"Hits@{last} − {study.lists_name}",
        *(f"p, Hits@{cutoff}" for cutoff in cutoffs),
        f"wins–losses, Hits@{last}",
        *(["unread", "as shown"] if study.diagnostics.asked else []),
    ]
    main = " and ".join(f"Hits@{cutoff}" for cutoff in cutoffs)
    caption = (
        f"{study.n_users:,} users. The primary comparison is fixed by the workflow, before any "
        f"result: language models, and fusions with one, against {study.lists_name} at "
        f"Hits@{last}. Verdicts of other rows are exploratory and look at {main}. Against "
        f"{study.lists_name}: the exact McNemar test, whose p-values stand beside; against a "
        "random shuffle of the same lists: the exact binomial test; Holm-adjusted within the "
        f"primary and the exploratory tests, at {study.level:g}. The margin is {study.margin:.0%} "
        f'of users: "{NO_DIFFERENCE}" where two one-sided tests (Tango) at .05 each '
        "show it, Holm-adjusted in the same way. Wins and losses: users who are a hit for only one "
        f"of the two. In brackets {study.confidence:.0%} intervals (Wilson for hits, paired "
        "bootstrap for differences, both as counts). They are not adjusted for the many "
        f'comparisons, as p is: one that leaves out 0 may stand beside "{UNCLEAR}".'
    )
    if study.diagnostics.asked:
        caption += (
            " Unread: the share of a language model's answers that name no candidate; above "
            f"{study.unread_share:.0%} the row is {UNREADABLE}. As shown: the share that repeat "
            f"the order shown; above {ECHO_SHARE:.0%} the row {ECHO}. Such a row, and a fusion "
            "with it, says nothing of the model. Of a fusion: the largest share of its parts."
        )
    return Table(header, [_main_row(study, name) for name in study.all_rows], caption)


def _main_row(study: Study, name: str) -> list[str]:
    compared = name in study.names
    tested = compared or name == study.recommender
    cells = [
        study.label(name),
        verdict(study, name) if compared else "",
        verdict(study, name, "hr_over_random") if tested else "",
        *(hits_cell(study, name, cutoff) for cutoff in study.main_cutoffs),
    ]
    answers = _answer_shares(study, name) if study.diagnostics.asked else []
    if name == study.recommender:
        return [*cells, *[""] * (2 + len(study.main_cutoffs)), *answers]
    row, has_difference = study.hits(name), study.difference(name, "hr", study.last_cutoff)
    wins_losses = f"{row.wins}–{row.losses}" if has_difference else ""
    p_values = [study.row(name, "hits", cutoff).p_holm for cutoff in study.main_cutoffs]
    return [*cells, change_cell(study, name), *map(p_cell, p_values), wins_losses, *answers]


def change_cell(study: Study, name: str) -> str:
    """Show the hits of a row less the recommender's, with their interval where there is one."""
    difference = study.difference(name, "hr", study.last_cutoff)
    change = signed(study.hits(name).delta or 0)
    if not difference:
        return change
    low, high = (signed(round(end * study.n_users)) for end in difference.interval)
    return f"{change} ({low} to {high})"


def _answer_shares(study: Study, name: str) -> list[str]:
    """Return the shares of unread answers and of echoes; empty for a row that asks no model."""
    asked = asked_by(study, name) if name in study.names else []
    counts = [study.diagnostics.asked[part].counts for part in asked]
    if not counts:
        return ["", ""]
    fields = ("unread", "order_shown")
    return [f"{max(of.share(field) for of in counts):.0%}" for field in fields]


def hits_cell(study: Study, name: str, cutoff: int) -> str:
    """Show hits with their interval."""
    row = study.row(name, "hits", cutoff)
    if name == ORACLE:
        return count(row.value)
    return f"{count(row.value)} ({count_span(*map(round, row.interval))})"


def _means_table(study: Study) -> Table:
    """Show NDCG, MRR and, where users were drawn from all, hit rates, with their intervals."""
    measures = [("ndcg", min(10, study.k)), ("mrr", study.k)]
    if not study.hits_only:
        measures = [*(("hr", cutoff) for cutoff in study.main_cutoffs), *measures]
    header = ["mean over users"]
    for metric, cutoff in measures:
        name = "MRR" if metric == "mrr" else f"{metric.upper()}@{cutoff}"
        header += [name, f"− {study.lists_name}"]
    rows = []
    for name in study.all_rows:
        cells = [study.label(name)]
        for metric, cutoff in measures:
            cells += [_mean_cell(study, name, metric, cutoff), _change(study, name, metric, cutoff)]
        rows.append(cells)
    caption = (
        f"In brackets {study.confidence:.0%} bootstrap intervals (of rates: Wilson), not adjusted "
        "for many comparisons."
    )
    return Table(header, rows, caption)


def _mean_cell(study: Study, name: str, metric: str, cutoff: int) -> str:
    row = study.row(name, metric, cutoff)
    if row.ci_low is None or name == ORACLE:
        return f"{row.value:.3f}"
    low, high = row.interval
    return f"{row.value:.3f} ({low:.3f}–{high:.3f})"


def _change(study: Study, name: str, metric: str, cutoff: int) -> str:
    delta = study.row(name, metric, cutoff).delta
    if delta is None:
        return ""
    difference = study.difference(name, metric, cutoff)
    if difference is None:
        return share_signed(delta)
    low, high = map(share_signed, difference.interval)
    return f"{share_signed(delta)} ({low} to {high})"


def _all_cutoffs_table(study: Study) -> Table:
    rows = [
        [
            study.label(name),
            *(count(study.row(name, "hits", cutoff).value) for cutoff in study.cutoffs),
        ]
        for name in study.all_rows
    ]
    caption = (
        "Hits at every cutoff. The oracle puts each held-out item first: no re-ranker can do "
        "better."
    )
    return Table(["method", *(f"Hits@{cutoff}" for cutoff in study.cutoffs)], rows, caption)
