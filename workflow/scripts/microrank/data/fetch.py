"""One file over HTTP: resumed where it broke off, checked, and named only when it is whole."""

import logging
import random
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import requests
import urllib3

from microrank.data.checksums import checksum_of
from microrank.errors import StudyError
from microrank.files import settle

log = logging.getLogger(__name__)

PIECE_BYTES = 1 << 18
PROGRESS_EVERY_S = 5.0
FATAL = {400, 401, 403, 404, 405, 410, 451}  # what a later try will not change


@dataclass(frozen=True)
class Patience:
    """How long to go on: tries in a row without a new byte, waits between them, and for a silent server."""

    tries: int = 5
    first_wait_s: float = 1.0
    longest_wait_s: float = 30.0
    timeout_s: tuple[float, float] = (10.0, 60.0)  # to connect, and between two pieces

    def wait_s(self, failures: int) -> float:
        """Seconds before the next try, after so many failures in a row; with jitter."""
        return min(self.first_wait_s * 2 ** (failures - 1), self.longest_wait_s) * (
            0.75 + random.random() / 2
        )


class _Unreachable(Exception):
    """The file is not to be had from there; `str` says why."""


class _Broken(Exception):
    """This try failed; the next may not."""


def fetch(
    target: Path,
    url: str,
    *,
    page: str | None = None,
    checksum: str | None = None,
    patience: Patience | None = None,
) -> None:
    """Download `url` to `target`, by way of `{target}.part`, which a broken download leaves behind and the next one resumes.

    A target that is there is left alone.

    Args:
        page: where a person finds the file, for the message.
        checksum: `sha256:…` or `git-sha1:…`; without it only the size that the server states is checked.

    Raises:
        StudyError: the file cannot be had: names the page, and the file to place by hand.
    """
    if target.exists():
        log.info("%s is there already", target)
        return
    part = target.with_name(f"{target.name}.part")
    by_hand = f"fetch {target.name} by hand{f' from {page}' if page else ''}, place it at {target}, and run again"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _fetch_part(part, url, checksum, patience or Patience())
        settle(part, target)
    except _Unreachable as error:
        raise StudyError(f"{url}: {error}; {by_hand}") from error
    except OSError as error:
        raise StudyError(
            f"{part}: cannot be written ({error.strerror or error}); make room, or {by_hand}"
        ) from error


def _fetch_part(part: Path, url: str, checksum: str | None, patience: Patience) -> None:
    """Try until `part` is whole and right; a row of tries that bring nothing new ends it."""
    failures = 0
    while True:
        before = _size(part)
        try:
            _continue(part, url, checksum is not None, patience.timeout_s)
            _check(part, checksum, resumed=before > 0)
            _validator(part).unlink(missing_ok=True)
            return
        except _Broken as error:
            failures = 1 if _size(part) > before else failures + 1
            if failures >= patience.tries:
                raise _Unreachable(f"{error} ({failures} tries in a row)") from error
            wait_s = patience.wait_s(failures)
            log.warning("%s: %s; trying again in %.1f s", url, error, wait_s)
            time.sleep(wait_s)


def _continue(part: Path, url: str, has_checksum: bool, timeout_s: tuple[float, float]) -> None:
    """One request for what `part` lacks, or for the whole file where the server knows no ranges or has another version by now."""
    start = _size(part)
    validator = _validator(part).read_text() if _validator(part).exists() else ""
    if start and not (validator or has_checksum):
        start = 0  # nothing would tell if the file had changed since
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if validator:
            headers["If-Range"] = validator
    try:
        with requests.get(url, headers=headers, stream=True, timeout=timeout_s) as response:
            total = _expected_size(response, part, start)
            if total == start > 0:
                return
            if response.status_code != requests.codes.partial_content:
                start = 0
                etag = response.headers.get("ETag", "")
                _validator(part).write_text(
                    ""
                    if etag.startswith("W/")
                    else etag or response.headers.get("Last-Modified", "")
                )
            with open(part, "ab" if start else "wb") as file:
                _copy(response, file, start, total)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _Broken(f"no whole answer ({_reason(error)})") from error
    size = _size(part)
    if size == 0 or (total is not None and size != total):
        if total is not None and size > total:
            _discard(part)
        raise _Broken(f"the server sent {size} of {total or 'unknown'} bytes")


def _expected_size(response: requests.Response, part: Path, start: int) -> int | None:
    """Bytes of the whole file, None where the server does not say; refuses answers that are not the file."""
    status = response.status_code
    if status in FATAL:
        raise _Unreachable(f"the server answers {status} {response.reason}")
    if status == requests.codes.requested_range_not_satisfiable:
        if response.headers.get("Content-Range", "") == f"bytes */{start}":
            return start
        _discard(part)
        raise _Broken("what was fetched before is no part of the file that is there now")
    if status == requests.codes.partial_content:
        matched = re.fullmatch(
            r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", "")
        )
        if not matched or int(matched[1]) != start:
            _discard(part)
            raise _Broken("the server sent another range than was asked for")
        return None if matched[2] == "*" else int(matched[2])
    if status != requests.codes.ok:
        raise _Broken(f"the server answers {status} {response.reason}")
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise _Unreachable("the server sends a web page instead of the file")
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None


def _copy(response: requests.Response, file: BinaryIO, done: int, total: int | None) -> None:
    began, began_at, told = time.monotonic(), done, time.monotonic()
    while piece := response.raw.read1(
        PIECE_BYTES
    ):  # what has arrived: a broken connection loses nothing
        file.write(piece)
        done += len(piece)
        now = time.monotonic()
        if now - told >= PROGRESS_EVERY_S:
            told, rate = now, (done - began_at) / (now - began)
            left = f", {(total - done) / rate:.0f} s left" if total else ""
            log.info(
                "%.1f of %s MB, %.2f MB/s%s",
                done / 1e6,
                f"{total / 1e6:.1f}" if total else "unknown",
                rate / 1e6,
                left,
            )


def _check(part: Path, checksum: str | None, resumed: bool) -> None:
    if checksum is None:
        return
    found = checksum_of(part, checksum.partition(":")[0])
    if found != checksum:
        _discard(part)
        if resumed:
            raise _Broken("the parts do not make up the file that is declared")
        newer = "a newer version that you mean to use? Then remove its line from `checksums` in config.yaml"
        raise _Unreachable(
            f"the file there has checksum {found} where {checksum} is declared ({newer})"
        )


def _validator(part: Path) -> Path:
    """Where the ETag (or date) of the version that `part` is a part of is kept."""
    return part.with_name(f"{part.name}.version")


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    _validator(part).unlink(missing_ok=True)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _reason(error: Exception) -> str:
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return "the server is silent"
    for sign, words in (
        ("resolve", "its name cannot be resolved"),
        ("refused", "connection refused"),
        ("SSL", "no trusted certificate"),
    ):
        if sign in str(error):
            return words
    broke = (
        requests.ConnectionError
        | requests.exceptions.ChunkedEncodingError
        | urllib3.exceptions.ProtocolError
    )
    return "the connection broke" if isinstance(error, broke) else str(error)[:100]
