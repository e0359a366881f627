"""The report's sections, as blocks that markdown.py and html.py render."""

import numpy as np
import yaml

from microrank.evaluation.score import NFM, ORACLE, RANDOM_EXPECTED
from microrank.report.all_users import over_all_users
from microrank.report.blocks import Block, Listing, Paragraph, Section, Table, literal
from microrank.report.costs import answers_table
from microrank.report.headline import answer, in_question, verdict
from microrank.report.numbers import count, p_cell, share_signed, signed, span
from microrank.report.pictures import (
    flow_picture,
    fusion_picture,
    hits_picture,
    positions_picture,
    training_picture,
)
from microrank.report.power import power_line, power_table
from microrank.report.published import QUOTED, hit_rates_table, hits_table
from microrank.report.seeds import over_seeds
from microrank.report.study import Study

TITLE = "Can a language model improve the recommender's list?"


def sections(study: Study) -> list[Section]:
    """The whole report."""
    return [
        Section("", [Paragraph(answer(study)), *_notices(study)]),
        _results(study),
        *over_all_users(study),
        *over_seeds(study),
        Section(
            "Beside the published figures",
            [hits_table(study), hit_rates_table(study), Paragraph(QUOTED)],
        ),
        _recommender(study),
        _reasons(study),
        *_answers(study),
        _provenance(study),
    ]


def _notices(study: Study) -> list[Block]:
    notices: list[Block] = []
    if study.settings["synthetic"]:
        text = (
            "**This is the synthetic sample.** Its users, items and titles are made up; its numbers show that the workflow runs, and say "
            "nothing about real recommenders."
        )
        notices.append(Paragraph(text, notice=True))
    if simulated := study.of_kind("simulated llm", "simulated fusion"):
        names = ", ".join(f"`{name}`" for name in simulated)
        text = f"**Simulated:** {names} asked no model. A server of the workflow's own ranks by shared words and misbehaves."
        if fusions := study.of_kind("simulated fusion"):
            text += f" ({', '.join(f'`{name}`' for name in fusions)}: in a part of the fusion.)"
        notices.append(Paragraph(text, notice=True))
    return notices


def _results(study: Study) -> Section:
    last, cutoffs = study.main_cutoffs[-1], study.main_cutoffs
    header = [
        "method",
        f"against {study.lists_name}",
        "against a shuffle",
        *(f"Hits@{cutoff}" for cutoff in cutoffs),
    ]
    header += [
        f"− {study.lists_name} at {last}",
        *(f"p at {cutoff}" for cutoff in cutoffs),
        f"wins–losses at {last}",
    ]
    rows = [_result_row(study, name, last) for name in study.all_rows]
    caption = (
        f"{study.n_users:,} users. The verdicts look at {' and '.join(map(str, cutoffs))}: against {study.lists_name} by the exact "
        f"McNemar test, whose p-values stand beside, against a random shuffle of the same lists by the exact binomial test; each "
        f"Holm-adjusted over all methods and cutoffs, at {study.level:g}. Wins and losses: users who are a hit for only one of the two. "
        f"In brackets {study.confidence:.0%} intervals (Wilson for hits, paired bootstrap for differences, both as counts). They are not "
        'adjusted for the many comparisons, as p is: one that leaves out 0 may stand beside "cannot tell".'
    )
    every = Table(
        ["Hits@", *map(str, study.cutoffs)],
        [
            [
                study.label(name),
                *(count(study.row(name, "hits", cutoff)["value"]) for cutoff in study.cutoffs),
            ]
            for name in study.all_rows
        ],
        "Hits at every cutoff. The oracle puts each held-out item first: no re-ranker can do better.",
    )
    power = [
        *_paragraph(power_line(study, in_question(study))),
        *([power_table(study)] if study.methods else []),
    ]
    return Section(
        "Results", [hits_picture(study), Table(header, rows, caption), _means(study), every, *power]
    )


def _paragraph(text: str) -> list[Block]:
    return [Paragraph(text)] if text else []


def _result_row(study: Study, name: str, last: int) -> list[str]:
    cells = [study.label(name), verdict(study, name) if name in study.methods else ""]
    cells.append(
        verdict(study, name, "hr_over_random")
        if name in (study.recommender, *study.methods)
        else ""
    )
    for cutoff in study.main_cutoffs:
        row = study.row(name, "hits", cutoff)
        interval = (
            "" if name == ORACLE else f" ({span(round(row['ci_low']), round(row['ci_high']))})"
        )
        cells.append(count(row["value"]) + interval)
    if name == study.recommender:
        return [*cells, *[""] * (2 + len(study.main_cutoffs))]
    row, difference = study.row(name, "hits", last), study.difference(name, "hr", last)
    ends = (
        [signed(round(difference[end] * study.n_users)) for end in ("ci_low", "ci_high")]
        if difference
        else []
    )
    cells.append(signed(row["delta"]) + (f" ({' to '.join(ends)})" if ends else ""))
    cells += [p_cell(study.row(name, "hits", cutoff)["p_holm"]) for cutoff in study.main_cutoffs]
    return [*cells, f"{row['wins']}–{row['losses']}" if difference else ""]


def _means(study: Study) -> Table:
    """NDCG, MRR and, where the users were drawn from all, hit rates: means over users with their intervals."""
    measured = [("ndcg", min(10, study.k)), ("mrr", study.k)]
    if not study.hits_only:
        measured = [*(("hr", cutoff) for cutoff in study.main_cutoffs), *measured]
    header = ["mean over users"]
    for metric, cutoff in measured:
        header += [
            "MRR" if metric == "mrr" else f"{metric.upper()}@{cutoff}",
            f"− {study.lists_name}",
        ]
    rows = []
    for name in study.all_rows:
        cells = [study.label(name)]
        for metric, cutoff in measured:
            row, difference = (
                study.row(name, metric, cutoff),
                study.difference(name, metric, cutoff),
            )
            shown = row["ci_low"] is not None and name != ORACLE
            cells.append(
                f"{row['value']:.3f}"
                + (f" ({row['ci_low']:.3f}–{row['ci_high']:.3f})" if shown else "")
            )
            ends = (
                " to ".join(share_signed(difference[end]) for end in ("ci_low", "ci_high"))
                if difference
                else ""
            )
            cells.append(
                ""
                if row["delta"] is None
                else share_signed(row["delta"]) + (f" ({ends})" if ends else "")
            )
        rows.append(cells)
    return Table(
        header,
        rows,
        f"In brackets {study.confidence:.0%} bootstrap intervals (of rates: Wilson), not adjusted for many comparisons.",
    )


def _recommender(study: Study) -> Section:
    if study.nfm is None:
        return Section(
            "The recommender",
            [Paragraph("The lists came from elsewhere: no recommender was trained here.")],
        )
    nfm, own = study.nfm, study.recommender != NFM
    names = [name for name in nfm["all_users"] if name != "n_users"]
    rows = [
        [label, f"{nfm[part]['n_users']:,}", *(f"{nfm[part][name]:.5f}" for name in names)]
        for label, part in (("all users", "all_users"), ("item was trained on", "trained_targets"))
    ]
    who = (
        f"The lists of {nfm['n_users']:,} users are another recommender's, `{study.recommender}`, and were taken as they came."
        if own
        else f"NFM ranks the whole catalogue for {nfm['n_users']:,} users, seen items masked."
    )
    text = (
        f"{who} The held-out items of {nfm['share_never_trained']:.1%} of users occur in nobody's training data, "
        f"so that the hit rate of a model of ids alone cannot pass {nfm['ceiling']:.1%}."
    )
    training = [] if own else [training_picture()]
    return Section(
        "The recommender",
        [Paragraph(text), Table(["users whose", "users", *names], rows), *training],
    )


def _reasons(study: Study) -> Section:
    found = study.diagnostics["methods"]
    header = [
        "method",
        f"τ to {study.lists_name}",
        "τ to order shown",
        "count of promoted",
        "count of demoted",
        "hits",
        "from fallback",
    ]
    rows = []
    for name in study.methods:
        one = found[name]
        promoted = [
            _optional(one[key], "{:,.0f}")
            for key in ("popularity_of_promoted", "popularity_of_demoted")
        ]
        fallback = (
            f"{one['hits_from_fallback'] / one['hits']:.0%}"
            if one["hits"] and study.kinds[name].endswith("llm")
            else "–"
        )
        taus = [
            _optional(one.get(key), "{:.2f}")
            for key in ("kendall_to_recommender", "kendall_to_shown")
        ]
        rows.append([study.label(name), *taus, *promoted, str(one["hits"]), fallback])
    shuffle = [_optional(value, "{:,.0f}") for value in study.diagnostics["shuffle"].values()]
    rows.append([study.label(RANDOM_EXPECTED), "0.00", "–", *shuffle, "–", "–"])
    caption = (
        "τ: Kendall's rank correlation, 1 the same order, 0 none, −1 reversed; to the order shown it is that of single answers, each with "
        "the order that it was shown. Counts: the median number of training interactions of the items that a method moved up or down, "
        f"and beside them those that shuffles move. From fallback: the share of hits at {study.diagnostics['hit_cutoff']} that a model did "
        "not name itself."
    )
    agreement = study.diagnostics["agreement"]
    order = ["recommender", *study.methods]
    pairs = Table(
        ["τ", *(str(number) for number in range(1, len(order) + 1))],
        [
            [
                f"{i} {study.lists_name if a == 'recommender' else study.label(a)}",
                *(_optional(agreement[a][b], "{:.2f}") for b in order),
            ]
            for i, a in enumerate(order, start=1)
        ],
        "Agreement of the methods with each other.",
    )
    fusion = [fusion_picture(study)] if study.fusions else []
    return Section(
        "Why",
        [
            positions_picture(study),
            flow_picture(study),
            *fusion,
            Table(header, rows, caption),
            pairs,
        ],
    )


def _optional(value: float | None, form: str) -> str:
    return "–" if value is None or np.isnan(value) else form.format(value)


def _answers(study: Study) -> list[Section]:
    titles = study.diagnostics["titles"]
    orders = Paragraph(
        f"{titles['like_instructions']:,} of the {titles['shown']:,} titles shown read like instructions to a model. They are shown as "
        "data, like all others, and whatever is answered ends as an order of the same candidates."
    )
    return (
        [Section("What the language models answered", [answers_table(study), orders])]
        if study.diagnostics["asked"]
        else []
    )


def _provenance(study: Study) -> Section:
    counts = study.counts
    data = [
        [name.replace("_", " "), f"{value:.5f}" if isinstance(value, float) else f"{value:,}"]
        for name, value in counts.items()
        if name != "raw_files"
    ]
    files = [
        [literal(path), literal(checksum)]
        for path, checksum in {**counts["raw_files"], **study.files}.items()
    ]
    commit = literal(study.commit) if study.commit else "unknown (not a git checkout)"
    versions = [[name, version] for name, version in study.versions.items()]
    return Section(
        "Provenance",
        [
            Paragraph(f"Dataset `{study.settings['dataset']}`. Workflow at commit {commit}."),
            Table(["file", "checksum"], files, numbers=False),
            Table(["data", "count"], data),
            Table(
                ["package", "version"],
                versions,
                "Of the environment that wrote this report.",
                numbers=False,
            ),
            Paragraph("Settings that shaped these results:"),
            Listing(
                yaml.safe_dump(
                    dict(study.settings), sort_keys=False, allow_unicode=True, width=120
                ).strip()
            ),
        ],
    )
