"""Where the workflow, its files and its interpreter lie; some places are refused at its start."""

import re
from pathlib import Path

from microrank.errors import StudyError

REPOSITORY = Path(__file__).parents[4]  # which holds this package
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


def find_file(path: str) -> str:
    """A file as its path says, or else the repository's of that path.

    Args:
        path: relative to the working directory, or to the repository.

    Returns:
        The path as it is, if there is such a file or none in the repository either.
    """
    of_repository = REPOSITORY / path
    return str(of_repository) if not Path(path).exists() and of_repository.exists() else path
