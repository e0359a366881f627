"""A text file in blocks of whole lines, so that memory does not grow with the file; and its lines by number, for messages."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from microrank.errors import StudyError

BLOCK_BYTES = 1 << 23
BOM = b"\xef\xbb\xbf"


class Block(NamedTuple):
    """Whole lines, each ended by \\n (never \\r\\n); `first_line` is the number of the first, counted from 1."""

    text: bytes
    first_line: int

    def line_at(self, offset: int) -> tuple[int, str]:
        """Number and text of the line that holds the byte `offset`."""
        start = self.text.rfind(b"\n", 0, offset) + 1
        line = self.text[start : self.text.find(b"\n", offset)]
        return self.first_line + self.text.count(b"\n", 0, start), line.decode("utf-8", errors="backslashreplace")


def shown(text: str, length: int = 60) -> str:
    """`text` as a quoted literal of bounded length: what a message may show of an untrusted file."""
    return repr(text) if len(text) <= length else repr(text[:length]) + " …"


def read_blocks(path: Path, block_bytes: int | None = None) -> Iterator[Block]:
    """Blocks of about `block_bytes` (at least one line each), without the byte order mark; a missing last \\n is added.

    Raises:
        StudyError: the file is absent, cannot be read, or is empty.
    """
    size = block_bytes or BLOCK_BYTES
    first_line = 1
    try:
        with open(path, "rb") as file:
            file.seek(len(BOM) if file.read(len(BOM)) == BOM else 0)
            pending: list[bytes] = []
            while piece := file.read(size):
                cut = piece.rfind(b"\n") + 1
                if cut:
                    text = b"".join([*pending, piece[:cut]])
                    yield Block(text.replace(b"\r\n", b"\n"), first_line)
                    first_line += text.count(b"\n")
                    pending = []
                pending.append(piece[cut:])
    except FileNotFoundError:
        raise StudyError(f"{path}: no such file; place it there, or correct its path in config.yaml") from None
    except OSError as error:
        raise StudyError(f"{path}: cannot be read ({error.strerror})") from error
    if rest := b"".join(pending):
        yield Block(rest.removesuffix(b"\r") + b"\n", first_line)
    elif first_line == 1:
        raise StudyError(f"{path}: the file is empty; delete it and fetch it again, or place the right one there")
