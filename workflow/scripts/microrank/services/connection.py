"""HTTP to one service: the token in one header, deadlines, sizes, and what a broken connection is called."""

import json
import logging
import os
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

import requests
import urllib3
from requests.structures import CaseInsensitiveDict

from microrank.services.failures import AskingStopped, Malformed
from microrank.services.settings import Service

BROKEN = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    OSError,
)  # what a broken connection raises
MAX_BODY_BYTES = 64 << 20
SHORTEST_SECRET = (
    8  # shorter ones are placeholders, such as "none"; blotting them out would spoil answers
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reply:
    """What came back for one request, the token blotted out of it."""

    status: int
    headers: Mapping[str, str]
    body: str
    latency_s: float


class Connection:
    """Posts to and gets from one service. Safe for threads."""

    def __init__(self, service: Service, token: str | None) -> None:
        self._service, self._token = service, token
        self._local = threading.local()
        self._lock = threading.Lock()
        self._sessions: list[requests.Session] = []
        if token and service.base_url.startswith("http://") and not service.is_local:
            log.warning(
                "%s: the token goes to %s without encryption; use https:// where the server has it",
                service.name,
                service.base_url,
            )

    def close(self) -> None:
        for session in self._sessions:
            session.close()

    def send(self, method: str, url: str, data: bytes | None = None) -> Reply:
        """One request, one reply, whatever its status. Redirects are not followed.

        Raises:
            one of BROKEN: no whole reply came in time.
            Malformed: the reply is larger than any answer.
        """
        started = time.monotonic()
        timeout_s = self._service.timeout_s
        response = self._session().request(
            method, url, data=data, timeout=timeout_s, allow_redirects=False, stream=True
        )
        with response:
            raw = _read(response, started + timeout_s)
        headers = CaseInsensitiveDict(
            {name: self._blot(value) for name, value in response.headers.items()}
        )
        body = self._blot(raw.decode("utf-8", "replace"))
        return Reply(response.status_code, headers, body, time.monotonic() - started)

    def _session(self) -> requests.Session:
        """A session for each thread: the library's are not promised to be safe for several."""
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.headers.update({"Content-Type": "application/json", "User-Agent": "microrank"})
            session.auth = _Bearer(self._token)
            # A proxy of the environment is for the world outside, not for this machine's own servers.
            session.trust_env = not self._service.is_local
            session.verify = (
                os.environ.get("REQUESTS_CA_BUNDLE") or True
            )  # for this machine's own servers, too
            self._local.session = session
            with self._lock:
                self._sessions.append(session)
        return session

    def problem(self, error: Exception) -> str:
        """A few words about one of BROKEN.

        Raises:
            AskingStopped: asking again will not help.
        """
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            raise AskingStopped(
                f"{self._service.name}: {self._service.base_url}: the server's certificate is not trusted; where it is your own, "
                f"name its authority's file in the variable REQUESTS_CA_BUNDLE"
            ) from error
        if isinstance(error, requests.ConnectTimeout):
            return "no connection: it was not accepted in time"
        if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
            return f"no answer within timeout_s ({self._service.timeout_s:g})"
        if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.MissingSchema):
            raise AskingStopped(
                f"{self._service.name}: base_url {self._service.base_url} is no address; it begins with https://"
            ) from error
        text = self._blot(" ".join(str(error).split()))
        system = re.search(r"\[Errno [^)\"']*", text)
        reason = system[0].strip() if system else text[-160:]
        if "Failed to establish" in text or "Failed to resolve" in text:
            return f"no connection ({reason})"
        return f"the connection broke ({reason})"

    def _blot(self, text: str) -> str:
        return (
            text.replace(self._token, "[token]")
            if self._token and len(self._token) >= SHORTEST_SECRET
            else text
        )


class _Bearer(requests.auth.AuthBase):
    """The token's only way out. Set as `auth` even without a token, so that a .netrc file is never consulted."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _read(response: requests.Response, give_up_at: float) -> bytes:
    """The whole body; a server that drips is given up at the deadline, one that floods at the size limit."""
    parts, size = [], 0
    while part := response.raw.read1(1 << 16, decode_content=True):
        parts.append(part)
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise Malformed(f"more than {MAX_BODY_BYTES >> 20} MiB")
        if time.monotonic() > give_up_at:
            raise requests.ReadTimeout("the answer did not end in time")
    return b"".join(parts)


def complaint(reply: Reply) -> str:
    """What an error's body says, short: `error` as a string or an object, `message`, `detail`, or the start of the text."""
    try:
        answer = json.loads(reply.body)
    except ValueError:
        answer = reply.body
    while isinstance(answer, dict):
        inner = next(
            (answer[name] for name in ("error", "message", "detail", "msg") if answer.get(name)),
            None,
        )
        answer = json.dumps(answer) if inner is None else inner
    if 300 <= reply.status < 400:
        answer = f"redirects to {reply.headers.get('Location', 'nowhere')}"
    text = " ".join(str(answer).split())
    return (text[:200] + " …") if len(text) > 200 else (text or "an empty body")
