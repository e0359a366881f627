"""Zip files that come from anybody, read entry by entry; whatever is wrong is one line."""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from microrank.errors import StudyError

MAX_ENTRY_BYTES = 128 << 20
# All that zipfile raised on files with altered bytes. RuntimeError is an encrypted entry.
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OSError,
)


@contextmanager
def opened(source: Path, what: str) -> Iterator[zipfile.ZipFile]:
    """Open a zip file for reading.

    Args:
        source: the file.
        what: it should be; named where it turns out to be broken, also in the block.

    Raises:
        StudyError: it is absent, or no whole zip file.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            yield archive
    except FileNotFoundError:
        raise StudyError(f"{source}: no such file; correct the path") from None
    except _BROKEN as error:
        raise StudyError(
            f"{source}: not a whole {what} ({' '.join(str(error).split())}); get it again"
        ) from error


def read_entry(archive: zipfile.ZipFile, name: str, limit: int = MAX_ENTRY_BYTES) -> bytes:
    """The bytes of an entry, if it is stored or deflated, as microrank's are.

    Args:
        archive: the zip file.
        name: of the entry.
        limit: of its size in bytes.

    Raises:
        ValueError: it is larger, or something else, and was not read.
        KeyError: there is none of that name.
    """
    entry = archive.getinfo(name)
    if entry.file_size > limit:
        raise ValueError(f"{name!r:.80} is larger than anything microrank packs")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{name!r:.80} is compressed in a way that microrank never does")
    return archive.read(entry)
