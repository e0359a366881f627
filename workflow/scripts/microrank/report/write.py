"""The report in both its forms."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from microrank.errors import StudyError
from microrank.report.blocks import numbered
from microrank.report.explorer import Users, explorer_data
from microrank.report.headline import answer
from microrank.report.html import Template, as_page
from microrank.report.markdown import as_markdown
from microrank.report.sections import sections
from microrank.report.study import Study

PAGE = "report.html"


@dataclass(frozen=True)
class Written:
    """A report.

    Attributes:
        markdown: Text of report.md.
        page: Text of report.html.
        answer: Its first paragraph.
    """

    markdown: str
    page: str
    answer: str


def write_report(
    study: Study,
    users: Users,
    *,
    figures: Mapping[str, Path],
    template: Template,
    folder: Path,
) -> Written:
    """Write the texts of report.md and report.html.

    Args:
        study: All results.
        users: Those whom the page shows.
        figures: Name -> svg file.
        template: Template of the page.
        folder: Where the report will lie.

    Raises:
        StudyError: A figure is not whole.
    """
    parts = numbered(sections(study))
    figure_paths = {name: path.relative_to(folder).as_posix() for name, path in figures.items()}
    figure_texts = {name: _read_svg(path) for name, path in figures.items()}
    explorer = explorer_data(study, users) if users.shown else None
    return Written(
        markdown=as_markdown(parts, figure_paths, PAGE),
        page=as_page(parts, figure_texts, explorer, template, study.settings["study"]),
        answer=answer(study),
    )


def _read_svg(path: Path) -> str:
    text = path.read_text(encoding="utf-8", errors="replace")
    if "<svg" not in text or not text.endswith("</svg>\n"):
        raise StudyError(f"{path}: not a complete figure; delete the file and run again")
    return text
