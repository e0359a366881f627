"""HTTP to one service: the token, deadlines, sizes, and words for a broken connection."""

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

# What a broken connection raises.
BROKEN = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)
MAX_BODY_BYTES = 64 << 20
# Shorter tokens are placeholders, such as "none"; blotting them out would spoil answers.
SHORTEST_SECRET = 8
COMPLAINT_LENGTH = 200  # characters of a server's own words that are shown

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
        """Prepare to reach `service`, with `token` where it needs one."""
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
        """Close every thread's connections."""
        for session in self._sessions:
            session.close()

    def send(
        self,
        method: str,
        url: str,
        data: bytes | None = None,
        *,
        content_type: str | None = None,
        timeout_s: float | None = None,
        max_bytes: int = MAX_BODY_BYTES,
    ) -> Reply:
        """Send one request and read one reply, whatever its status. Redirects are not followed.

        Args:
            method: POST or GET.
            url: where to.
            data: the request's body.
            content_type: of the body; JSON where it is None.
            timeout_s: for the whole reply; the service's where it is None.
            max_bytes: of the reply.

        Raises:
            BROKEN: one of these; no whole reply came in time.
            Malformed: the reply is larger than any answer.
        """
        started = time.monotonic()
        timeout_s = timeout_s or self._service.timeout_s
        response = self._session().request(
            method,
            url,
            data=data,
            headers={"Content-Type": content_type} if content_type else None,
            timeout=timeout_s,
            allow_redirects=False,
            stream=True,
        )
        with response:
            raw = _read(response, started + timeout_s, max_bytes)
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
            # A proxy of the environment is for other machines, not for this machine's servers.
            session.trust_env = not self._service.is_local
            # The variable holds for this machine's servers, too.
            session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
            self._local.session = session
            with self._lock:
                self._sessions.append(session)
        return session

    def problem(self, error: Exception) -> str:
        """Say in a few words what broke.

        Args:
            error: one of BROKEN.

        Raises:
            AskingStopped: asking again will not help.
        """
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            raise AskingStopped(
                f"{self._service.name}: {self._service.base_url}: "
                "the server's certificate is not trusted; where it is your own, "
                "name its authority's file in the variable REQUESTS_CA_BUNDLE"
            ) from error
        if isinstance(error, requests.ConnectTimeout):
            return "no connection: it was not accepted in time"
        if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
            return f"no answer within timeout_s ({self._service.timeout_s:g})"
        if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.MissingSchema):
            raise AskingStopped(
                f"{self._service.name}: base_url {self._service.base_url} is no address; "
                "it begins with https://"
            ) from error
        text = self._blot(" ".join(str(error).split()))
        system = re.search(r"\[Errno [^)\"']*", text)
        reason = system[0].strip() if system else text[-160:]
        if "Failed to establish" in text or "Failed to resolve" in text:
            return f"no connection ({reason})"
        return f"the connection broke ({reason})"

    def _blot(self, text: str) -> str:
        if not self._token or len(self._token) < SHORTEST_SECRET:
            return text
        return text.replace(self._token, "[token]")


class _Bearer(requests.auth.AuthBase):
    """Sends the token.

    It is set as `auth` without a token, too: then no .netrc file is consulted.
    """

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _read(response: requests.Response, give_up_at: float, max_bytes: int) -> bytes:
    """Read the whole body, up to the deadline and `max_bytes`."""
    parts, size = [], 0
    while part := response.raw.read1(1 << 16, decode_content=True):
        parts.append(part)
        size += len(part)
        if size > max_bytes:
            raise Malformed(f"more than {max_bytes >> 20} MiB")
        if time.monotonic() > give_up_at:
            raise requests.ReadTimeout("the answer did not end in time")
    return b"".join(parts)


def complaint(reply: Reply) -> str:
    """What the body of an error says, in short.

    That is its `error` (a text or an object), `message` or `detail`, or else the body's start.
    """
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
    if len(text) > COMPLAINT_LENGTH:
        return text[:COMPLAINT_LENGTH] + " …"
    return text or "an empty body"
