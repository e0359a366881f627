"""Zip files that come from anybody: opened, and read entry by entry, with one line for whatever is wrong with them."""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from microrank.errors import StudyError

MAX_ENTRY_BYTES = 128 << 20
# All that zipfile was seen to raise on files with altered bytes. RuntimeError is an encrypted entry.
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
    """Open a zip file for reading; `what` it should be is named where it is broken, in opening or in the block.

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
    """The bytes of an entry, if it is what microrank writes: at most `limit` of them, stored or deflated.

    Raises:
        ValueError: it is something else, and was not read. KeyError: there is none of that name.
    """
    entry = archive.getinfo(name)
    if entry.file_size > limit:
        raise ValueError(f"{name!r:.80} is larger than anything microrank packs")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{name!r:.80} is compressed in a way that microrank never does")
    return archive.read(entry)
