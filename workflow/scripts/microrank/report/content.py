"""The report's sections, as blocks that markdown.py and html.py render."""

import numpy as np
import yaml

from microrank.evaluation.score import NFM, ORACLE, RANDOM_EXPECTED
from microrank.report.all_users import over_all_users
from microrank.report.answer import answer, power_line, verdict
from microrank.report.blocks import Block, Listing, Paragraph, Section, Table, literal
from microrank.report.costs import answers_table
from microrank.report.numbers import count, p_cell, signed, span
from microrank.report.pictures import flow_picture, fusion_picture, hits_picture, slots_picture, training_picture
from microrank.report.published import hit_rates_table, hits_table
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
        Section("Beside the published figures", [hits_table(study), hit_rates_table(study)]),
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
    if simulated := study.of_kind("simulated llm"):
        names = ", ".join(f"`{name}`" for name in simulated)
        text = f"**Simulated:** {names} asked no model. A server of the workflow's own ranks by shared words and misbehaves."
        notices.append(Paragraph(text, notice=True))
    return notices


def _results(study: Study) -> Section:
    last = study.main_cutoffs[-1]
    header = ["method", f"against {study.lists_name}", *(f"Hits@{cutoff}" for cutoff in study.main_cutoffs)]
    header += [
        f"− {study.lists_name} at {last}",
        "interval",
        "wins–losses",
        "p (Holm)",
        f"NDCG@{min(10, study.k)}",
        "MRR",
    ]
    rows = [_result_row(study, name, last) for name in study.all_rows]
    caption = (
        f"{study.n_users:,} users; {study.confidence:.0%} intervals (Wilson for hits, paired bootstrap for differences, both as counts). "
        f"Wins and losses: users who are a hit at {last} for only one of the two. p: exact McNemar test at {last}, Holm-adjusted over "
        f"all methods and cutoffs. The verdict looks at {' and '.join(map(str, study.main_cutoffs))}."
    )
    every = Table(
        ["Hits@", *map(str, study.cutoffs)],
        [[study.label(name), *(count(study.row(name, "hits", cutoff)["value"]) for cutoff in study.cutoffs)] for name in study.all_rows],
        "Hits at every cutoff. The oracle puts each hidden item first: no re-ranker can do better.",
    )
    return Section("Results", [hits_picture(study), Table(header, rows, caption), *_paragraph(power_line(study)), every])


def _paragraph(text: str) -> list[Block]:
    return [Paragraph(text)] if text else []


def _result_row(study: Study, name: str, last: int) -> list[str]:
    cells = [study.label(name), verdict(study, name) if name in study.methods else ""]
    for cutoff in study.main_cutoffs:
        row = study.row(name, "hits", cutoff)
        interval = "" if name == ORACLE else f" ({span(round(row['ci_low']), round(row['ci_high']))})"
        cells.append(count(row["value"]) + interval)
    row = study.row(name, "hits", last)
    if name == study.recommender:
        cells += [""] * 4
    else:
        has_difference = name not in (RANDOM_EXPECTED, ORACLE)
        difference = study.row(name, "hr_difference", last) if has_difference else None
        ends = [signed(round(difference[end] * study.n_users)) for end in ("ci_low", "ci_high")] if difference else []
        cells += [
            signed(row["delta"]),
            " to ".join(ends),
            f"{row['wins']}–{row['losses']}" if has_difference else "",
            p_cell(row["p_holm"]),
        ]
    cells += [f"{study.row(name, metric, cutoff)['value']:.3f}" for metric, cutoff in (("ndcg", min(10, study.k)), ("mrr", study.k))]
    return cells


def _recommender(study: Study) -> Section:
    if study.nfm is None:
        return Section("The recommender", [Paragraph("The lists came from elsewhere: no recommender was trained here.")])
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
        f"{who} The hidden items of {nfm['share_never_trained']:.1%} of users occur in nobody's training data, "
        f"so that the hit rate of a model of ids alone cannot pass {nfm['ceiling']:.1%}."
    )
    training = [] if own else [training_picture()]
    return Section("The recommender", [Paragraph(text), Table(["users whose", "users", *names], rows), *training])


def _reasons(study: Study) -> Section:
    found = study.diagnostics["methods"]
    header = ["method", f"τ to {study.lists_name}", "τ to order shown", "count of risen", "count of fallen", "hits", "from fallback"]
    rows = []
    for name in study.methods:
        one = found[name]
        risen = [_optional(one[key], "{:,.0f}") for key in ("popularity_of_risen", "popularity_of_fallen")]
        fallback = f"{one['hits_from_fallback'] / one['hits']:.0%}" if one["hits"] and study.kinds[name].endswith("llm") else "–"
        taus = [f"{one['kendall_to_recommender']:.2f}", _optional(one.get("kendall_to_shown"), "{:.2f}")]
        rows.append([study.label(name), *taus, *risen, str(one["hits"]), fallback])
    caption = (
        "τ: Kendall's rank correlation, 1 the same order, 0 none, −1 reversed. Counts: the median number of training interactions of the "
        f"items that a method moved up or down. From fallback: the share of hits at {study.diagnostics['hit_cutoff']} that a model did "
        "not name itself."
    )
    agreement = study.diagnostics["agreement"]
    order = ["recommender", *study.methods]
    pairs = Table(
        ["τ", *(str(number) for number in range(1, len(order) + 1))],
        [
            [f"{i} {study.lists_name if a == 'recommender' else study.label(a)}", *(f"{agreement[a][b]:.2f}" for b in order)]
            for i, a in enumerate(order, start=1)
        ],
        "Agreement of the methods with each other.",
    )
    fusion = [fusion_picture(study)] if study.fusions else []
    return Section("Why", [slots_picture(study), flow_picture(study), *fusion, Table(header, rows, caption), pairs])


def _optional(value: float | None, form: str) -> str:
    return "–" if value is None or np.isnan(value) else form.format(value)


def _answers(study: Study) -> list[Section]:
    asked = study.of_kind("llm", "simulated llm")
    titles = study.diagnostics["titles"]
    orders = Paragraph(
        f"{titles['like_instructions']:,} of the {titles['shown']:,} titles shown read like instructions to a model. They are shown as "
        "data, like all others, and whatever is answered ends as an order of the same candidates."
    )
    return [Section("What the language models answered", [answers_table(study, asked), orders])] if asked else []


def _provenance(study: Study) -> Section:
    counts = study.counts
    data = [
        [name.replace("_", " "), f"{value:.5f}" if isinstance(value, float) else f"{value:,}"]
        for name, value in counts.items()
        if name != "raw_files"
    ]
    files = [[literal(path), literal(checksum)] for path, checksum in counts["raw_files"].items()]
    commit = literal(study.commit) if study.commit else "unknown (not a git checkout)"
    versions = [[name, version] for name, version in study.versions.items()]
    return Section(
        "Provenance",
        [
            Paragraph(f"Dataset `{study.settings['dataset']}`. Workflow at commit {commit}."),
            Table(["raw file", "checksum"], files, numbers=False),
            Table(["data", "count"], data),
            Table(["package", "version"], versions, "Of the environment that wrote this report.", numbers=False),
            Paragraph("Settings that shaped these results:"),
            Listing(yaml.safe_dump(dict(study.settings), sort_keys=False, allow_unicode=True, width=120).strip()),
        ],
    )
