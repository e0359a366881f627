"""Checksums of raw files, as the configuration declares them.

A checksum is `sha256:…`, or `git-sha1:…` (what `git hash-object FILE` prints).
"""

from collections.abc import Mapping
from pathlib import Path

from microrank.errors import StudyError
from microrank.files import file_checksum

KINDS = ("sha256", "git-sha1")


def verify_checksum(path: Path, expected: str) -> None:
    """Check a file against the checksum that is declared for it.

    Args:
        path: the file.
        expected: its declared checksum.

    Raises:
        StudyError: the file has another checksum, or there is no such kind.
    """
    kind = expected.partition(":")[0]
    if kind not in KINDS:
        raise StudyError(
            f"config: checksums: there is no kind '{kind}'; write sha256:… or git-sha1:…"
        )
    actual = file_checksum(path, kind)
    if actual != expected:
        raise StudyError(
            f"{path}: checksum is {actual}, but {expected} is declared; delete the file so that "
            f"it is fetched again, or, if you mean this version of it, remove '{path.name}' from "
            "`checksums` in config.yaml"
        )


def verify_checksums(paths: list[Path], declared: Mapping[str, str]) -> None:
    """Check every file for which a checksum is declared.

    Args:
        paths: the files. One that is absent is left to those who read it.
        declared: file name -> checksum.

    Raises:
        StudyError: a file has another checksum.
    """
    for path in paths:
        if path.name in declared and path.is_file():
            verify_checksum(path, declared[path.name])
