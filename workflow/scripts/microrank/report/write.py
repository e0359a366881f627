"""The report in both its forms."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from microrank.errors import StudyError
from microrank.report.blocks import numbered
from microrank.report.explorer import Asked, explorer_data
from microrank.report.headline import answer
from microrank.report.html import Template, as_page
from microrank.report.markdown import as_markdown
from microrank.report.sections import sections
from microrank.report.study import Study


@dataclass(frozen=True)
class Users:
    """Whom the page lets look at. Tables SUBSET, ITEMS, and RANKINGS by method; shown: how many users."""

    subset: pa.Table
    items: pa.Table
    rankings: Mapping[str, pa.Table]
    asked: Mapping[str, Asked]
    shown: int


class Written(NamedTuple):
    """markdown, page: the files' texts. answer: the first paragraph."""

    markdown: str
    page: str
    answer: str


def write_report(
    study: Study,
    users: Users,
    *,
    figures: Mapping[str, Path],
    template: Mapping[str, str],
    folder: Path,
) -> Written:
    """The texts of report.md and report.html.

    Args:
        figures: name -> svg file. template: ending -> text of page.html, page.css and page.js. folder: where the report will lie.
    """
    parts = numbered(sections(study))
    labels = {name: study.label(name) for name in study.methods}
    explorer = (
        explorer_data(
            users.subset,
            users.items,
            users.rankings,
            labels,
            asked=users.asked,
            rerankers=study.settings["rerankers"],
            n_users=users.shown,
            recommender=study.lists_name,
        )
        if users.shown
        else None
    )
    markdown = as_markdown(
        parts,
        {name: path.relative_to(folder).as_posix() for name, path in figures.items()},
        "report.html",
    )
    svgs = {name: _drawn(path) for name, path in figures.items()}
    page = as_page(
        parts,
        svgs,
        explorer,
        Template(template[".html"], template[".css"], template[".js"]),
        study.settings["dataset"],
    )
    return Written(markdown, page, answer(study))


def _drawn(path: Path) -> str:
    text = path.read_text(encoding="utf-8", errors="replace")
    if "<svg" not in text or not text.endswith("</svg>\n"):
        raise StudyError(f"{path}: not a complete figure; delete the file and run again")
    return text
