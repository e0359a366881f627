"""What a config refers to: entries of its sections, and files."""

from collections.abc import Collection

from microrank.errors import StudyError
from microrank.workflow.schema import nearest


def check_name(key: str, name: str, known: Collection[str], section: str) -> None:
    """Refuse a name that a section lacks.

    Args:
        key: where the name stands.
        name: it.
        known: the names that are there.
        section: what holds them, in words.

    Raises:
        StudyError: names the nearest known one.
    """
    if name not in known:
        near = nearest(name, known)
        raise StudyError(
            f"config: {key}: there is no '{name}' in {section}{near}; "
            f"known: {', '.join(sorted(known)) or 'none'}"
        )


def no_file(key: str, path: str) -> StudyError:
    """The error of a key whose file is absent."""
    return StudyError(
        f"config: {key}: there is no file {path}; place it there, or correct the path"
    )
