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

from microrank.errors import StudyError
from microrank.files import file_checksum, settle

log = logging.getLogger(__name__)

PIECE_BYTES = 1 << 18
PROGRESS_EVERY_S = 5.0
FATAL = {400, 401, 403, 404, 405, 410, 451}  # what a later try will not change
REASONS = {  # what an error's text holds -> what to tell
    "resolve": "its name cannot be resolved",
    "refused": "connection refused",
    "SSL": "no trusted certificate",
}
BROKEN = (
    requests.ConnectionError,
    requests.exceptions.ChunkedEncodingError,
    urllib3.exceptions.ProtocolError,
)


@dataclass(frozen=True)
class Patience:
    """How long a download goes on.

    tries: tries in a row that bring no new byte.
    first_wait_s, longest_wait_s: between two tries.
    timeout_s: to connect, and between two pieces.
    """

    tries: int = 5
    first_wait_s: float = 1.0
    longest_wait_s: float = 30.0
    timeout_s: tuple[float, float] = (10.0, 60.0)

    def wait_s(self, failures: int) -> float:
        """Seconds before the next try after so many failures in a row, with jitter."""
        return min(self.first_wait_s * 2 ** (failures - 1), self.longest_wait_s) * (
            0.75 + random.random() / 2
        )


class _Unreachable(Exception):
    """The file cannot be had from there; `str` says why."""


class _Broken(Exception):
    """This try failed; the next one may succeed."""


def fetch(
    target: Path,
    url: str,
    *,
    page: str | None = None,
    checksum: str | None = None,
    patience: Patience | None = None,
) -> None:
    """Download a file.

    The bytes go to `{target}.part`. A broken download leaves that file, and the next one resumes
    it. A target that exists is left alone.

    Args:
        target: the file to make.
        url: its address.
        page: where a person finds the file, for the message.
        checksum: `sha256:…` or `git-sha1:…`. Without it, only the size that the server states is
            checked.
        patience: how long to go on.

    Raises:
        StudyError: the file cannot be had. Names the page, and the file to place by hand.
    """
    if target.exists():
        log.info("%s exists already", target)
        return
    part = target.with_name(f"{target.name}.part")
    source = f" from {page}" if page else ""
    by_hand = f"fetch {target.name} by hand{source}, place it at {target}, and run again"
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
    """Try until `part` is whole and right, or until tries in a row bring nothing new."""
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
    """Ask once for what `part` lacks.

    The server sends the whole file where it knows no ranges, or has another version by now.
    """
    start = _size(part)
    version = _validator(part).read_text() if _validator(part).exists() else ""
    if not (version or has_checksum):
        start = 0  # nothing would tell if the file had changed since
    headers = _headers(start, version)
    try:
        with requests.get(url, headers=headers, stream=True, timeout=timeout_s) as response:
            total = _expected_size(response, part, start)
            if total == start > 0:
                return
            if response.status_code != requests.codes.partial_content:
                start = 0
                _validator(part).write_text(_version_of(response))
            elif version and _version_of(response) not in ("", version):
                _discard(part)
                raise _Broken("the server continues another version of the file")
            with open(part, "ab" if start else "wb") as file:
                _copy(response, file, start, total)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _Broken(f"no whole answer ({_reason(error)})") from error
    _check_size(part, total)


def _headers(start: int, version: str) -> dict[str, str]:
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    if start and version:
        headers["If-Range"] = version
    return headers


def _version_of(response: requests.Response) -> str:
    """The ETag, or the date; empty where neither tells two versions apart."""
    etag = response.headers.get("ETag", "")
    if etag.startswith("W/"):
        return ""
    return etag or response.headers.get("Last-Modified", "")


def _check_size(part: Path, total: int | None) -> None:
    size = _size(part)
    if size and total in (None, size):
        return
    if total is not None and size > total:
        _discard(part)
    raise _Broken(f"the server sent {size} of {total or 'unknown'} bytes")


def _expected_size(response: requests.Response, part: Path, start: int) -> int | None:
    """Bytes of the whole file; None where the server does not say.

    Raises:
        _Unreachable: the server will not give the file.
        _Broken: this answer is not the file, or not the part that was asked for.
    """
    status = response.status_code
    if status in FATAL:
        raise _Unreachable(f"the server answers {status} {response.reason}")
    if status == requests.codes.requested_range_not_satisfiable:
        return _size_of_complete_part(response, part, start)
    if status == requests.codes.partial_content:
        return _size_by_range(response, part, start)
    if status != requests.codes.ok:
        raise _Broken(f"the server answers {status} {response.reason}")
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise _Unreachable("the server sends a web page instead of the file")
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None


def _size_of_complete_part(response: requests.Response, part: Path, start: int) -> int:
    if response.headers.get("Content-Range", "") == f"bytes */{start}":
        return start
    _discard(part)
    raise _Broken("what was fetched before is no part of the file that is there now")


def _size_by_range(response: requests.Response, part: Path, start: int) -> int | None:
    content_range = response.headers.get("Content-Range", "")
    matched = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", content_range)
    if not matched or int(matched[1]) != start:
        _discard(part)
        raise _Broken("the server sent another range than was asked for")
    return None if matched[2] == "*" else int(matched[2])


def _copy(response: requests.Response, file: BinaryIO, start: int, total: int | None) -> None:
    """Append what arrives, as it arrives: a broken connection loses nothing."""
    size, began = start, time.monotonic()
    logged = began
    while piece := response.raw.read1(PIECE_BYTES):
        file.write(piece)
        size += len(piece)
        now = time.monotonic()
        if now - logged >= PROGRESS_EVERY_S:
            logged = now
            _log_progress(size, (size - start) / (now - began), total)


def _log_progress(size: int, bytes_per_s: float, total: int | None) -> None:
    whole = f"{total / 1e6:.1f}" if total else "unknown"
    left = f", {(total - size) / bytes_per_s:.0f} s left" if total else ""
    log.info("%.1f of %s MB, %.2f MB/s%s", size / 1e6, whole, bytes_per_s / 1e6, left)


def _check(part: Path, checksum: str | None, resumed: bool) -> None:
    if checksum is None:
        return
    actual = file_checksum(part, checksum.partition(":")[0])
    if actual == checksum:
        return
    _discard(part)
    if resumed:
        raise _Broken("the parts do not make up the file that is declared")
    raise _Unreachable(
        f"the file there has checksum {actual} where {checksum} is declared (a newer version that "
        "you mean to use? Then remove its line from `checksums` in config.yaml)"
    )


def _validator(part: Path) -> Path:
    """The file with the version, by ETag or date, that `part` is a part of."""
    return part.with_name(f"{part.name}.version")


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    _validator(part).unlink(missing_ok=True)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _reason(error: Exception) -> str:
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return "the server is silent"
    for sign, reason in REASONS.items():
        if sign in str(error):
            return reason
    return "the connection broke" if isinstance(error, BROKEN) else str(error)[:100]
