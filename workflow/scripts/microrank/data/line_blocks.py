"""A text file in blocks of whole lines, so that memory does not grow with the file."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from microrank.errors import StudyError

# What is made of a block of this size stays in the processor's cache.
BLOCK_BYTES = 1 << 20
BOM = b"\xef\xbb\xbf"


class Block(NamedTuple):
    """Whole lines of a file.

    text: the lines, each with a line feed at its end.
    first_line: the number of the first of them, counted from 1.
    """

    text: bytes
    first_line: int

    def line_at(self, offset: int) -> tuple[int, str]:
        """Number and text of the line that holds the byte `offset`."""
        start = self.text.rfind(b"\n", 0, offset) + 1
        line = self.text[start : self.text.find(b"\n", offset)]
        return self.first_line + self.text.count(b"\n", 0, start), line.decode(
            "utf-8", errors="backslashreplace"
        )


def shown(text: str, length: int = 60) -> str:
    """Quote at most `length` characters of an untrusted text, for a message."""
    return repr(text) if len(text) <= length else repr(text[:length]) + " …"


def read_blocks(path: Path, block_bytes: int | None = None) -> Iterator[bytes]:
    """Read a file block by block, without its byte order mark.

    Args:
        path: the file.
        block_bytes: about how many bytes a block holds; BLOCK_BYTES where absent.

    Yields:
        At least one whole line. Every line ends with a line feed.

    Raises:
        StudyError: the file is absent, cannot be read, or is empty.
    """
    is_empty = True
    for text in _file_lines(path, block_bytes or BLOCK_BYTES):
        is_empty = False
        yield text
    if is_empty:
        raise StudyError(
            f"{path}: the file is empty; delete it and fetch it again, or place the right one there"
        )


def whole_lines(stream: BinaryIO, size: int = BLOCK_BYTES) -> Iterator[bytes]:
    """Whole lines of a stream, about `size` bytes at once. Every line ends with a line feed."""
    pending: list[bytes] = []
    while piece := stream.read(size):
        cut = piece.rfind(b"\n") + 1
        if cut:
            yield _with_plain_ends(b"".join([*pending, piece[:cut]]))
            pending = []
        pending.append(piece[cut:])
    if rest := b"".join(pending):
        yield _with_plain_ends(rest + b"\n")


def _file_lines(path: Path, size: int) -> Iterator[bytes]:
    try:
        with open(path, "rb") as file:
            file.seek(len(BOM) if file.read(len(BOM)) == BOM else 0)
            yield from whole_lines(file, size)
    except FileNotFoundError:
        raise StudyError(
            f"{path}: no such file; place it there, or correct its path in config.yaml"
        ) from None
    except OSError as error:
        raise StudyError(f"{path}: cannot be read ({error.strerror})") from error


def _with_plain_ends(text: bytes) -> bytes:
    """Replace CRLF by LF; a carriage return elsewhere stays."""
    if b"\r" not in text:
        return text
    characters = np.frombuffer(text, np.uint8)
    is_lone = (characters[:-1] == ord("\r")) & (characters[1:] != ord("\n"))  # the last byte is \n
    if not is_lone.any():
        return text.translate(None, b"\r")  # three times faster than replace
    return text.replace(b"\r\n", b"\n")
