"""Files that are either whole or absent."""

import csv
import errno
import hashlib
import io
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from microrank.errors import StudyError

NO_PLACE = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
    errno.EROFS: "make it writable",
    errno.EACCES: "make it writable",
}


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path`, to be written; when the block ends well, it takes the name `path`, else it is removed.

    The rename is atomic, and both sides of it are on the disk when this ends: a reader, a kill or a power cut sees the old file or the
    new one and never a part. The temporary name is always the same, so that the next writer clears away what a killed one left; a file has
    one writer at a time, which Snakemake's lock sees to.

    Raises:
        StudyError: the disk is full, or does not let itself be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)
        try:
            temporary.touch()
            rights = temporary.stat().st_mode
            temporary.unlink()
            yield temporary
            temporary.chmod(
                rights
            )  # those of any new file, whatever library wrote it: safetensors keeps its own from all others
            settle(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        if error.errno not in NO_PLACE:
            raise
        what_to_do = NO_PLACE[error.errno]
        raise StudyError(
            f"{path}: cannot be written ({os.strerror(error.errno)}); {what_to_do} and run again"
        ) from error


def settle(temporary: Path, path: Path) -> None:
    """Give a file that is written its name, content first: not even a power cut leaves the name without the content."""
    _sync(temporary)
    os.replace(temporary, path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Put the names in `folder` on the disk, on file systems that can."""
    with suppress(
        OSError
    ):  # the files themselves are there; some file systems refuse this for folders
        _sync(folder)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def unreadable(path: str | os.PathLike[str], error: OSError) -> StudyError:
    """What to say of a file that is there and cannot be read: no rights, a folder, a broken disk."""
    return StudyError(
        f"{path}: cannot be read ({os.strerror(error.errno) if error.errno else error}); mend its rights or its disk and run again"
    )


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write UTF-8 text with \\n line ends, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def read_json(path: str | os.PathLike[str]) -> Any:
    """What a rule wrote as JSON.

    Raises:
        StudyError: the file is absent or not whole.
    """
    try:
        return json.loads(_text_of(path))
    except ValueError as error:
        raise StudyError(
            f"{path}: not a complete JSON file ({error}); delete the file and run again"
        ) from error


def read_csv(path: str | os.PathLike[str], columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of what a rule wrote as csv.

    Raises:
        StudyError: the file is absent or cut, or lacks one of these columns.
    """
    text = _text_of(path)
    header, *rows = csv.reader(io.StringIO(text, newline="")) if text.endswith("\n") else [[]]
    if not set(columns) <= set(header) or any(len(row) != len(header) for row in rows):
        raise StudyError(
            f"{path}: not a complete table with the columns {', '.join(columns)}; delete the file and run again"
        )
    return [dict(zip(header, row, strict=True)) for row in rows]


def _text_of(path: str | os.PathLike[str]) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise StudyError(f"{path}: no such file; run the rule that makes it") from None
    except OSError as error:
        raise unreadable(path, error) from error
    except UnicodeDecodeError as error:
        raise StudyError(
            f"{path}: not a complete text file ({error}); delete the file and run again"
        ) from error


def file_checksum(path: str | os.PathLike[str], kind: str = "sha256") -> str:
    """The checksum of a file's bytes.

    Args:
        path: the file.
        kind: `sha256`, or `git-sha1` for the id that git gives to the bytes.

    Returns:
        `kind`, a colon, and hexadecimal digits.
    """
    digest = hashlib.sha256()
    if kind == "git-sha1":
        header = f"blob {os.path.getsize(path)}\0".encode()
        digest = hashlib.sha1(header, usedforsecurity=False)
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return f"{kind}:{digest.hexdigest()}"
