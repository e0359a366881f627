"""The picture of a report's first screen in the README.

    python tests/report/readme_picture.py results/report.html

Run it after a change of the page's form; a test tells when. The picture notes in its metadata which
form it shows.
"""

import hashlib
import struct
import sys
import tempfile
import zlib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs/report.png"
FORM = [ROOT / f"workflow/report/page.{kind}" for kind in ("html", "css", "js")]
WIDTH, HEIGHT = 1000, 760
KEYWORD = b"form\0"
HEADER_END = 33  # of the signature and the first chunk


def digest_of_form() -> str:
    """SHA-256 over the page's template, style and script."""
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in FORM)).hexdigest()


def with_digest(png: bytes, digest: str) -> bytes:
    """The picture with a text chunk (PNG 1.2, section 4.2.3) that holds the digest."""
    text = b"tEXt" + KEYWORD + digest.encode()
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    return png[:HEADER_END] + chunk + png[HEADER_END:]


def digest_in(png: bytes) -> str:
    """The digest that a picture notes."""
    start = png.index(b"tEXt" + KEYWORD) + 4 + len(KEYWORD)
    return png[start : start + 64].decode()


def main() -> None:
    """Photograph the report that the command line names."""
    from browser import chromium

    with tempfile.TemporaryDirectory() as profile, chromium(Path(profile)) as browser:
        browser.open(Path(sys.argv[1]).resolve(), width=WIDTH, height=HEIGHT)
        browser.picture(PICTURE)
    PICTURE.write_bytes(with_digest(PICTURE.read_bytes(), digest_of_form()))


if __name__ == "__main__":
    main()
