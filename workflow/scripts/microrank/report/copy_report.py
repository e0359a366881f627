"""The report of the newest study, one folder above that study's own."""

import re

PICTURE = re.compile(r"^(!\[.*\]\()(?=figures/)", re.MULTILINE)


def copy_report(markdown: str, study: str) -> str:
    """The report with links that lead into the study's folder.

    Args:
        markdown: as it lies in the study's folder; its pictures lie below `figures/` there.
        study: the folder's name.
    """
    return PICTURE.sub(lambda start: f"{start[0]}{study}/", markdown)
