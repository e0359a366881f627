"""Checksums of raw files, as the configuration declares them.

A checksum is `sha256:…`, or `git-sha1:…` (what `git hash-object FILE` prints).
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from microrank.errors import StudyError

PIECE_BYTES = 1 << 20


def checksum_of(path: Path, kind: str) -> str:
    """Compute the checksum of a file, written as the configuration writes it.

    Args:
        path: the file.
        kind: "sha256" or "git-sha1".

    Returns:
        `kind`, a colon, and hexadecimal digits.

    Raises:
        StudyError: there is no such kind.
    """
    digest = _digest_of_kind(path, kind)
    with open(path, "rb") as file:
        while piece := file.read(PIECE_BYTES):
            digest.update(piece)
    return f"{kind}:{digest.hexdigest()}"


def _digest_of_kind(path: Path, kind: str) -> "hashlib._Hash":
    if kind == "sha256":
        return hashlib.sha256()
    if kind == "git-sha1":
        return hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    raise StudyError(f"config: checksums: there is no kind '{kind}'; write sha256:… or git-sha1:…")


def verify_checksum(path: Path, expected: str) -> None:
    """Check a file against the checksum that is declared for it.

    Args:
        path: the file.
        expected: its declared checksum.

    Raises:
        StudyError: the file has another checksum.
    """
    actual = checksum_of(path, expected.partition(":")[0])
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
