"""The report of the newest study, one folder above that study's own."""

import re

IN_MARKDOWN = re.compile(r"(?<=\]\()(?=figures/[\w.-]+\)|metrics\.csv\))")
IN_PAGE = re.compile(r'(?<= href=")(?=metrics\.csv")')


def copy_report(markdown: str, study: str) -> str:
    """The report with links that lead into the study's folder.

    Args:
        markdown: as it lies in the study's folder; its pictures lie below `figures/` there.
        study: the folder's name.
    """
    return IN_MARKDOWN.sub(f"{study}/", markdown)


def copy_page(page: str, study: str) -> str:
    """The page with links that lead into the study's folder; its pictures lie within it.

    Args:
        page: as it lies in the study's folder.
        study: the folder's name.
    """
    return IN_PAGE.sub(f"{study}/", page)
