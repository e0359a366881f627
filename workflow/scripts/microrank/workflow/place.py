"""Where the workflow may lie: names of folders that would break it are refused at its start."""

import re

from microrank.errors import StudyError


def check_place(folder: str) -> None:
    """Check the name of the repository's folder.

    Raises:
        StudyError: Snakemake would take a part of the name for something else.
    """
    if re.search("[{}]", folder):
        raise StudyError(
            f"{folder}: Snakemake takes braces in a folder's name for wildcards; "
            "move the repository to one without"
        )
