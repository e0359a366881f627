"""The files of published figures, the user's and the workflow's: found and checked."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from microrank.errors import StudyError
from microrank.workflow.place import REPOSITORY, find_file
from microrank.workflow.schema import schema_fault
from microrank.workflow.start import LOADER, check_keys
from microrank.workflow.studies import Studies

FOLDER = "resources/claims"
SUFFIXES = (".yaml", ".yml")
SCHEMA = REPOSITORY / "workflow/schemas/claims.schema.yaml"


def claim_files(studies: Studies, *, files_here: bool) -> list[str]:
    """Return the files of published figures, sorted.

    A file in the working directory's folder hides the workflow's of the same name. A packed study
    has its own.

    Args:
        studies: The config's study.
        files_here: False where files lie in a storage such as S3: only the workflow's are read.
    """
    return _packed(studies) or _named([Path(FOLDER)] if files_here else [])


def check_claims(paths: Iterable[str]) -> None:
    """Check files of published figures, before anything is computed.

    Args:
        paths: As `claim_files` gives them.

    Raises:
        StudyError: One is no YAML, has an unknown key or a wrong value, or its source's name is
            another file's.
    """
    files: dict[str, str] = {}
    for path in map(find_file, paths):
        name = _checked(Path(path))["source"]["name"]
        if name in files:
            raise StudyError(
                f"{path}: source.name: '{name}' is that of {files[name]} already; "
                "put both into one file, or choose another name"
            )
        files[name] = path


def _packed(studies: Studies) -> list[str]:
    origin = studies.origin(studies.name)
    return sorted(map(str, _files_in(Path(f"{origin['files']}/claims")))) if origin else []


def _named(folders: Iterable[Path]) -> list[str]:
    """Return paths below FOLDER, of files in these folders or in the workflow's."""
    files = [path for folder in (*folders, REPOSITORY / FOLDER) for path in _files_in(folder)]
    return sorted({f"{FOLDER}/{path.name}" for path in files})


def _files_in(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*") if path.suffix in SUFFIXES and path.is_file()]


def _checked(path: Path) -> dict[str, Any]:
    if set("{}") & set(path.name):
        raise StudyError(f"{path}: Snakemake takes braces in a name for wildcards; rename the file")
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), LOADER)
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise StudyError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from None
    check_keys(path)
    try:
        fault = schema_fault(content, SCHEMA, "docs/claims.md")
    except TypeError:  # a pattern for keys meets one that is a number
        fault = "every key must be a text, such as Hits@5; see docs/claims.md"
    if fault:
        raise StudyError(f"{path}: {fault}")
    return dict(content)
