"""Where the workflow and its interpreter may lie: other places are refused at its start."""

import re

from microrank.errors import StudyError

SAFE = re.compile(r"[\w./+@%:,=-]+")  # what a shell takes as it is


def check_place(folder: str, interpreter: str) -> None:
    """Check the names of the folders that Snakemake would stumble over.

    Args:
        folder: of the repository.
        interpreter: the Python that runs Snakemake; Snakemake calls it in a shell without quotes.

    Raises:
        StudyError: Snakemake would take a part of a name for something else.
    """
    if re.search("[{}]", folder):
        raise StudyError(
            f"{folder}: Snakemake takes braces in a folder's name for wildcards; "
            "move the repository to one without"
        )
    if not SAFE.fullmatch(interpreter):
        raise StudyError(
            f"{interpreter}: Snakemake cannot call a Python whose path has spaces, quotes or other "
            "signs of the shell; move the repository, or make the environment in another folder"
        )
