"""Checksums of raw files, as the configuration declares them: `sha256:…`, or `git-sha1:…` (the id that git gives to a file's bytes)."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from microrank.errors import StudyError


def checksum_of(path: Path, kind: str) -> str:
    """`kind` ("sha256" or "git-sha1"), a colon, and the checksum of the file in hexadecimal digits."""
    if kind not in ("sha256", "git-sha1"):
        raise StudyError(
            f"config: checksums: there is no kind '{kind}'; write sha256:… or git-sha1:…"
        )
    digest = (
        hashlib.sha256()
        if kind == "sha256"
        else hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    )
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return f"{kind}:{digest.hexdigest()}"


def verify_checksum(path: Path, expected: str) -> None:
    """Check a file against the checksum that is declared for it.

    Raises:
        StudyError: the file has another one.
    """
    found = checksum_of(path, expected.partition(":")[0])
    if found != expected:
        raise StudyError(
            f"{path}: checksum is {found}, but {expected} is declared; delete the file so that it is fetched again, or, if you mean this "
            f"version of it, remove '{path.name}' from `checksums` in config.yaml"
        )


def verify_checksums(paths: list[Path], declared: Mapping[str, str]) -> None:
    """Check those of `paths` whose file name is in `declared`; absent files are left to those who read them."""
    for path in paths:
        if path.name in declared and path.is_file():
            verify_checksum(path, declared[path.name])
