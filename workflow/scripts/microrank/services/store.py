"""The response store: one file per answer, so that nothing is asked, or paid for, twice.

An answer is found by the hash of all that shapes it. Its file `ab/abcd….jsonl` has three lines of
JSON: a header (who was asked, who served, tokens, cost), the request with the raw body, and the
SHA-256 of both lines. The file is written under a temporary name and then linked to its name: a
reader never sees a part of it, and neither reading nor writing needs a lock. Any number of
processes may share the folder, also on a network file system. A service's token is never in it.
"""

import contextlib
import hashlib
import json
import logging
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from microrank.errors import StudyError
from microrank.files import sync_folder, unreadable

SUFFIX = ".jsonl"
# All that shapes an answer, and hence its key's preimage: adapter, base_url, body, pass, …
Request = Mapping[str, Any]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """One kept answer."""

    request: Request
    body: str  # as the server sent it
    status: int = 200
    served_model: str | None = None
    usage: Mapping[str, int] | None = None  # prompt_tokens, completion_tokens
    latency_s: float | None = None
    cost_usd: float | None = None
    notes: tuple[str, ...] = ()
    time: str = ""
    expected: Mapping[str, float] | None = None  # tokens, before the first question was asked

    @property
    def key(self) -> str:
        """Where the answer is found: `request_key` of its request."""
        return request_key(self.request)


def canonical(value: Any) -> str:
    """JSON that is the same text for equal values, whatever the order of keys."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )


def request_key(request: Request) -> str:
    """SHA-256 of the request's canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical(request).encode()).hexdigest()


class Store:
    """A folder of kept answers.

    With `offline`, a missing answer is an error (see `missing`), never a question.
    """

    def __init__(self, folder: str | os.PathLike[str], *, offline: bool = False) -> None:
        """Name the folder; it is made when the first answer is kept."""
        self.folder = Path(folder)
        self.offline = offline

    def path(self, key: str) -> Path:
        """The file of an answer, whether it is there or not."""
        return self.folder / key[:2] / f"{key}{SUFFIX}"

    def has(self, request: Request) -> bool:
        """Whether there is a file for this request (not whether it is whole)."""
        return self.path(request_key(request)).exists()

    def get(self, request: Request) -> Entry | None:
        """The kept answer to `request`, verified; None where there is none.

        A truncated or altered file is set aside under another name, which the log tells; its
        question then counts as not asked.
        """
        key = request_key(request)
        path = self.path(key)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unreadable(path, error) from error
        try:
            return decode(data, key)
        except (ValueError, KeyError, TypeError) as error:
            self.set_aside(key, str(error))
            return None

    def set_aside(self, key: str, problem: str) -> None:
        """Rename the file of what is no good answer, and log the `problem`."""
        path = self.path(key)
        aside = path.with_name(f"{key}.{time.time_ns()}.damaged")
        try:
            os.replace(path, aside)
            done = f"set aside as {aside.name}"
        except OSError:  # another process was faster, or the folder is read-only
            done = "left where it is"
        log.warning("%s: %s; %s, the question counts as not asked", path, problem, done)

    def put(self, entry: Entry) -> Entry:
        """Keep an answer; it is safe on disk when this returns.

        Returns:
            The answer that is kept: another process may have been faster with its own.

        Raises:
            StudyError: the answer cannot be written.
        """
        key = entry.key
        path = self.path(key)
        temporary = path.with_name(f".{key}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
        try:
            self._write(temporary, encode(entry))
            try:
                os.link(temporary, path)
            except FileExistsError:
                if kept := self.get(entry.request):
                    return kept
                os.replace(temporary, path)  # what stood there was damaged
            except OSError:  # a file system without hard links
                os.replace(temporary, path)
            sync_folder(path.parent)
            sync_folder(self.folder)
        except OSError as error:
            raise StudyError(
                f"{path}: the answer cannot be kept ({error.strerror}); "
                "free space or mend the folder, then run again"
            ) from error
        finally:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        return entry

    def missing(self, requests: Mapping[str, Request]) -> None:
        """Complain of missing answers where the store is offline.

        Args:
            requests: question → request without an answer.

        Raises:
            StudyError: names the first question and its key.
        """
        if requests and self.offline:
            name, request = next(iter(requests.items()))
            raise StudyError(
                f"{self.folder}: {len(requests)} answers are missing and store.offline is true; "
                f"the first is {name}, key {request_key(request)}; "
                "unpack a store that holds it, or set store.offline to false and ask"
            )

    def paths(self) -> Iterator[Path]:
        """Every kept answer's file, sorted by key."""
        if not self.folder.is_dir():
            return
        for fan in sorted(
            entry.path
            for entry in os.scandir(self.folder)
            if entry.is_dir() and len(entry.name) == 2
        ):
            for name in sorted(os.listdir(fan)):
                if name.endswith(SUFFIX) and not name.startswith("."):
                    yield Path(fan, name)

    @staticmethod
    def _write(path: Path, data: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        try:
            handle = os.open(path, flags, 0o666)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, flags, 0o666)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())


def encode(entry: Entry) -> bytes:
    """The bytes of an entry's file."""
    body = entry.request.get("body")
    header = {
        "key": entry.key,
        "adapter": entry.request.get("adapter"),
        "base_url": entry.request.get("base_url"),
        "model": entry.request.get("model")
        or (body.get("model") if isinstance(body, Mapping) else None),
        "status": entry.status,
        "served_model": entry.served_model,
        "usage": entry.usage,
        "latency_s": entry.latency_s,
        "cost_usd": entry.cost_usd,
        "notes": list(entry.notes),
        **({"expected": entry.expected} if entry.expected is not None else {}),
        "time": entry.time or datetime.now(UTC).isoformat(timespec="seconds"),
    }
    text = f"{canonical(header)}\n{canonical({'request': entry.request, 'body': entry.body})}\n"
    return (text + canonical({"sha256": hashlib.sha256(text.encode()).hexdigest()}) + "\n").encode()


def decode(data: bytes, key: str) -> Entry:
    """The entry in a file's bytes.

    Raises:
        ValueError: the file is cut or altered, or answers another question than `key`.
    """
    lines = data.split(b"\n")
    if len(lines) != 4 or lines[3]:
        raise ValueError("the entry is cut")
    text = lines[0] + b"\n" + lines[1] + b"\n"
    if lines[2] != canonical({"sha256": hashlib.sha256(text).hexdigest()}).encode():
        raise ValueError("the entry's content does not match its hash")
    header, payload = json.loads(lines[0]), json.loads(lines[1])
    if request_key(payload["request"]) != key:
        raise ValueError("the entry answers another question")
    return Entry(
        request=payload["request"],
        body=payload["body"],
        notes=tuple(header["notes"]),
        expected=header.get("expected"),
        **{
            name: header[name]
            for name in ("status", "served_model", "usage", "latency_s", "cost_usd", "time")
        },
    )


def read_header(path: Path) -> dict[str, Any]:
    """The first line of an entry's file: enough for statistics, not verified.

    Raises:
        ValueError: that line is not whole.
    """
    with open(path, "rb") as file:
        return cast(dict[str, Any], json.loads(file.readline()))
