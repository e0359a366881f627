"""A raw file as a stream of UTF-8 bytes, whatever it is packed in and whatever its encoding.

What the file is follows from its first bytes, not from its name: gzip, zip with one file in it,
zstandard, a UTF-8 or UTF-16 byte order mark, or plain bytes.
"""

import codecs
import gzip
import io
import lzma
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa

from microrank.errors import StudyError

GZIP, ZIP, ZSTD = b"\x1f\x8b", b"PK\x03\x04", b"\x28\xb5\x2f\xfd"
BOMS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
FOREIGN = {  # first bytes -> what the file is
    b"SQLite format 3": "an SQLite database",
    b"\x89HDF": "an HDF5 file",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"BZh": "compressed by bzip2",
    b"\xfd7zXZ": "compressed by xz",
    b"7z\xbc\xaf": "a 7z archive",
    b"%PDF": "a PDF",
    b"\x80\x04": "a Python pickle",
}
PIECE_BYTES = 1 << 21
BUFFER_BYTES = 1 << 18


@contextmanager
def open_raw(
    path: Path, encoding: str | None = None, watch: Callable[[bytes], None] | None = None
) -> Iterator[BinaryIO]:
    """Open a raw file; what is read from it is UTF-8 without a byte order mark.

    Args:
        path: the file.
        encoding: a name such as `latin-1`. Without it the file is UTF-8, or what its byte order
            mark says.
        watch: is shown all that is read, in pieces; any three characters are shown together.

    Raises:
        StudyError: the file is absent, damaged, empty, or nothing that can be read here.
    """
    try:
        with open(path, "rb") as file, _unpacked(path, file) as stream:
            pieces = _as_utf8(path, stream, encoding)
            yield _stream(_watched(pieces, watch) if watch else pieces)
    except FileNotFoundError:
        raise StudyError(
            f"{path}: no such file; place it there, or correct its path in config.yaml"
        ) from None
    except UnicodeDecodeError:
        raise _not_utf8(path) from None
    except (EOFError, zlib.error, zipfile.BadZipFile, lzma.LZMAError) as error:
        raise _damaged(path, error) from error
    except OSError as error:
        if error.errno is None:  # not the system's, but a decompressor's
            raise _damaged(path, error) from error
        raise StudyError(f"{path}: cannot be read ({error.strerror})") from error


def _damaged(path: Path, error: Exception) -> StudyError:
    return StudyError(f"{path}: damaged, cannot be unpacked ({error}); fetch it again")


def _not_utf8(path: Path) -> StudyError:
    """Names the first line that is not UTF-8."""
    where = "somewhere"
    with open(path, "rb") as file, _unpacked(path, file) as stream:
        for line, text in enumerate(_stream(_pieces(b"", stream)), start=1):
            try:
                text.decode()
            except UnicodeDecodeError as error:
                where = f"line {line}: byte 0x{text[error.start]:02x}"
                break
    return StudyError(
        f"{path}: {where} is not UTF-8; save the file as UTF-8, or name its encoding in its "
        "format, as {encoding: latin-1}"
    )


@contextmanager
def _unpacked(path: Path, file: BinaryIO) -> Iterator[BinaryIO]:
    start = file.read(16)
    file.seek(0)
    for magic, kind in FOREIGN.items():
        if start.startswith(magic):
            raise StudyError(f"{path}: is {kind}; save it as csv, parquet or JSON lines")
    if start.startswith(GZIP):
        with gzip.open(file) as stream:
            yield stream  # type: ignore[misc]
    elif start.startswith(ZSTD):
        with pa.CompressedInputStream(pa.PythonFile(file), "zstd") as stream:
            yield stream
    elif start.startswith(ZIP):
        with zipfile.ZipFile(file) as archive, archive.open(_only_member(path, archive)) as stream:
            yield stream  # type: ignore[misc]
    else:
        yield file


def _only_member(path: Path, archive: zipfile.ZipFile) -> str:
    names = [name for name in archive.namelist() if not name.endswith("/")]
    names = [name for name in names if not name.startswith("__MACOSX/")]
    if "[Content_Types].xml" in names:
        raise StudyError(f"{path}: is an Excel workbook or another Office file; save it as csv")
    if len(names) != 1:
        raise StudyError(
            f"{path}: holds {len(names)} files ({', '.join(names[:5])}); unpack it, and name the "
            "right one in config.yaml"
        )
    return names[0]


def _as_utf8(path: Path, stream: BinaryIO, encoding: str | None) -> Iterator[bytes]:
    start = stream.read(4)
    if not start:
        raise StudyError(
            f"{path}: the file is empty; delete it and fetch it again, or place the right one there"
        )
    for mark, marked_encoding in BOMS.items():
        if start.startswith(mark):
            start, encoding = start[len(mark) :], marked_encoding
    pieces = _pieces(start, stream)
    if encoding is not None and codecs.lookup(encoding).name != "utf-8":
        return _recoded(path, pieces, encoding)
    return _checked(pieces)


def _stream(pieces: Iterator[bytes]) -> BinaryIO:
    return io.BufferedReader(_Pieces(pieces), BUFFER_BYTES)


def _pieces(start: bytes, stream: BinaryIO) -> Iterator[bytes]:
    yield start + stream.read(PIECE_BYTES - len(start))
    while piece := stream.read(PIECE_BYTES):
        yield piece


def _checked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same pieces; UnicodeDecodeError where they are not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for piece in pieces:
        if not piece.isascii() or decoder.getstate()[0]:
            decoder.decode(piece)
        yield piece
    decoder.decode(b"", final=True)


def _recoded(path: Path, pieces: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for piece in pieces:
            yield decoder.decode(piece).encode()
        yield decoder.decode(b"", final=True).encode()
    except UnicodeDecodeError as error:
        raise StudyError(
            f"{path}: is not {encoding} ({error.reason}); correct its encoding in config.yaml, or "
            "save the file as UTF-8"
        ) from error


def doubled_colons(stream: BinaryIO, separator: bytes) -> BinaryIO:
    """The same bytes with every `::` replaced by a separator of one byte."""
    return _stream(_replaced(stream, separator))


def _replaced(stream: BinaryIO, separator: bytes) -> Iterator[bytes]:
    rest = b""
    while piece := stream.read(PIECE_BYTES):
        piece = rest + piece
        rest = b":" if piece.endswith(b":") and not piece.endswith(b"::") else b""
        yield piece[: len(piece) - len(rest)].replace(b"::", separator)
    yield rest


def _watched(pieces: Iterator[bytes], watch: Callable[[bytes], None]) -> Iterator[bytes]:
    """The same pieces, each of which is shown; and what stands around a cut is shown again."""
    before = b"\n"
    for piece in pieces:
        watch(before + piece[:2])
        watch(piece)
        before = (before + piece[-2:])[-2:]
        yield piece


class _Pieces(io.RawIOBase):
    """A readable stream of the bytes that an iterator gives."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """So many bytes, or all; fewer at the end alone. Whole pieces are not copied."""
        parts = list(self._parts(size if size >= 0 else sys.maxsize))
        if len(parts) == 1 and len(whole := cast("bytes", parts[0].obj)) == len(parts[0]):
            return whole
        return b"".join(parts)

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        n_read = 0
        for part in self._parts(len(buffer)):
            buffer[n_read : n_read + len(part)] = part
            n_read += len(part)
        return n_read

    def _parts(self, size: int) -> Iterator[memoryview]:
        while size:
            while not self._rest:
                piece = next(self._pieces, None)
                if piece is None:
                    return
                self._rest = memoryview(piece)
            part, self._rest = self._rest[:size], self._rest[size:]
            size -= len(part)
            yield part
