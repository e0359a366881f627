"""What a paper takes from a study: the main table in LaTeX, and the main figure as pdf."""

from collections.abc import Sequence
from pathlib import Path

from microrank.report.figures import hits
from microrank.report.latex import booktabs_table, figure, latex_text
from microrank.report.numbers import p_cell
from microrank.report.results_tables import change_cell, hits_cell
from microrank.report.study import Study
from microrank.report.verdicts import verdict

HEAD = """\
% The main table and the main figure of the study {study}, from the numbers of results/report.md.
% In a paper: \\usepackage{{booktabs,graphicx}}, then \\input{{paper}}."""


def write_paper(study: Study, figure_path: Path) -> str:
    """Draw the main figure as pdf, and return the text of paper.tex.

    Args:
        study: The results.
        figure_path: The pdf file; paper.tex lies beside it.
    """
    hits.draw(study, figure_path)
    name = latex_text(study.settings["study"])
    lines = [
        HEAD.format(study=name),
        *booktabs_table(*_table(study), caption=_caption(study), label="tab:microrank"),
        "",
        *figure(figure_path.name, caption=hits.caption(study), label="fig:microrank"),
    ]
    return "\n".join(lines) + "\n"


def _table(study: Study) -> tuple[Sequence[str], list[list[str]]]:
    last = study.last_cutoff
    header = [
        "Method",
        *(f"Hits@{cutoff}" for cutoff in study.main_cutoffs),
        f"Difference at {last}",
        f"p at {last}",
        "Verdict",
    ]
    return header, [_row(study, name) for name in [study.recommender, *study.names]]


def _row(study: Study, name: str) -> list[str]:
    cells = [study.label(name), *(hits_cell(study, name, cutoff) for cutoff in study.main_cutoffs)]
    if name == study.recommender:
        return [*cells, "–", "–", "–"]
    p_value = p_cell(study.hits(name).p_holm)
    return [*cells, change_cell(study, name), p_value, verdict(study, name)]


def _caption(study: Study) -> str:
    synthetic = "Synthetic sample: its numbers say nothing about real recommenders. "
    return (
        f"{synthetic if study.settings['synthetic'] else ''}Hits of {study.n_users:,} users of "
        f"{study.settings['dataset']}, with {study.confidence:.0%} intervals (Wilson; of "
        f"differences to {study.lists_name}: paired bootstrap). p: exact McNemar test, "
        f"Holm-adjusted; margin of equivalence: {study.margin:.0%} of users."
    )
