"""One endpoint, asked over HTTP by many threads: tries, waits and stops as the server's answers demand."""

import json
import logging
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

import requests
import urllib3
from requests.structures import CaseInsensitiveDict

from microrank.services.budget import Budget, Spent
from microrank.services.failures import PASSING, PUSHBACK, AskingStopped, Malformed, QuestionFailed, Refused, advice
from microrank.services.pace import Pace, backoff, wait_hint
from microrank.services.settings import Service

MAX_BODY_BYTES = 64 << 20
FAILURES_IN_A_ROW = 20  # then nothing more is asked: the endpoint is broken, not the questions

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True)
class Reply:
    """What came back for one request, the token blotted out of it."""

    status: int
    headers: Mapping[str, str]
    body: str
    latency_s: float


@dataclass(frozen=True)
class Estimate:
    """Tokens that a request is expected to take, and the most that it can."""

    tokens: int = 0
    worst_prompt_tokens: int = 0
    worst_completion_tokens: int = 0


class Client:
    """Asks one service. Safe for threads; as a context manager it closes its connections."""

    def __init__(self, service: Service, token: str | None, budget: Budget | None = None) -> None:
        self.service = service
        self.budget = budget or Budget()
        self.stopped: AskingStopped | None = None
        self.answered = 0  # questions of this job that have an answer, kept ones of earlier runs too
        self.answered_now = 0
        self._token = token
        self._pace = Pace(service.requests_per_minute, service.tokens_per_minute)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._failed_in_a_row = 0
        self._local = threading.local()
        self._sessions: list[requests.Session] = []
        if token and service.base_url.startswith("http://") and not service.is_local:
            log.warning("%s: the token goes to %s without encryption; use https:// where the server has it", service.name, service.base_url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for session in self._sessions:
            session.close()

    def stop(self, reason: AskingStopped) -> None:
        """Ask nothing more; threads that wait wake up."""
        with self._lock:
            self.stopped = self.stopped or reason
        self._stop.set()

    def ask(
        self, url: str, body: Mapping[str, Any], read: Callable[[Reply], T], estimate: Estimate, usage: Callable[[T], Spent] | None = None
    ) -> tuple[T, Reply]:
        """Send one question until `read` accepts the answer.

        Args:
            read: makes the answer's content of a reply with status 200, or raises Malformed, which is tried again.
            usage: tokens and dollars of an answer; the request itself is counted here.

        Raises:
            QuestionFailed: this question has no answer (Refused where another form of it may have one).
            AskingStopped: nothing more is to be asked; also set as `stopped`.
        """
        try:
            answer = self._ask(url, body, read, estimate, usage)
        except AskingStopped as stopped:
            self.stop(stopped)
            raise
        except Refused:
            raise  # the caller may know another form
        except QuestionFailed as failed:
            self._count_failure(str(failed))
            raise
        with self._lock:
            self._failed_in_a_row = 0
            self.answered += 1
            self.answered_now += 1
        return answer

    def _ask(
        self, url: str, body: Mapping[str, Any], read: Callable[[Reply], T], estimate: Estimate, usage: Callable[[T], Spent] | None
    ) -> tuple[T, Reply]:
        data = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        worst_usd = self.service.cost_usd(estimate.worst_prompt_tokens, estimate.worst_completion_tokens)
        worst = Spent(1, estimate.worst_prompt_tokens + estimate.worst_completion_tokens, worst_usd or 0.0)
        first_sent: float | None = None
        failures = 0
        while True:
            record = self._pace.before_sending(estimate.tokens, self._stop)
            if self.stopped:
                raise AskingStopped(str(self.stopped))
            self.budget.reserve(worst)
            actual = Spent(1)
            first_sent = first_sent or time.monotonic()
            try:
                reply: Reply | None = self._send(url, data)
                assert reply is not None
                if reply.status == 200:
                    content = read(reply)
                    if usage is not None:
                        actual = usage(content)
                    self._pace.answered(record, actual.tokens or None)
                    return content, reply
                problem = f"status {reply.status}: {complaint(reply)}"
                if reply.status not in PASSING:
                    self._refuse(reply, problem)
            except Malformed as error:
                problem = f"an unusable answer: {error}"
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
                reply, problem = None, self._connection_problem(error)
            finally:
                self.budget.settle(worst, actual)
            pushed_back = reply is not None and reply.status in PUSHBACK
            failures += not pushed_back
            self._wait(reply, problem, pushed_back=pushed_back, failures=failures, first_sent=first_sent)

    def _wait(self, reply: Reply | None, problem: str, *, pushed_back: bool, failures: int, first_sent: float) -> None:
        """Wait before the next try, or give the question up."""
        service = self.service
        if failures >= service.max_tries:
            raise QuestionFailed(f"{problem} (tried {failures} times)")
        hint_s = wait_hint(reply.headers, reply.body, time.time()) if reply is not None and reply.status != 200 else None
        waited_s = time.monotonic() - first_sent
        if hint_s is not None and hint_s > service.max_wait_s:
            raise AskingStopped(
                f"{service.name}: {problem}; the service asks to wait {hint_s:.0f} s, more than max_wait_s ({service.max_wait_s:g}): "
                f"come back then"
            )
        if pushed_back:
            wait_s = self._pace.cool_down(hint_s, service.first_wait_s)
        else:
            wait_s = hint_s if hint_s is not None else backoff(failures, service.first_wait_s)
        log.debug("%s: %s; waiting %.1f s", service.name, problem, wait_s)
        if waited_s + wait_s > service.max_wait_s:
            raise QuestionFailed(f"{problem} (tried for {waited_s:.0f} s; max_wait_s is {service.max_wait_s:g})")
        if not pushed_back:
            self._stop.wait(wait_s)

    def _refuse(self, reply: Reply, problem: str) -> None:
        """Raise what a status that no waiting cures calls for."""
        message = f"{self.service.name}: {self.service.base_url}: {problem}; {advice(reply.status, self.service.token_env)}"
        if reply.status in (400, 413, 422):
            raise Refused(reply.status, message)
        raise AskingStopped(message)

    def give_up(self, refused: Refused) -> None:
        """No other form of the question is left.

        Raises:
            QuestionFailed: others were answered, so this question alone is at fault.
            AskingStopped: none was: the request as such is wrong.
        """
        with self._lock:
            others = self.answered
        if not others:
            stopped = AskingStopped(str(refused))
            self.stop(stopped)
            raise stopped
        self._count_failure(str(refused))
        raise QuestionFailed(str(refused)) from refused

    def _count_failure(self, problem: str) -> None:
        with self._lock:
            self._failed_in_a_row += 1
            dead = self._failed_in_a_row >= FAILURES_IN_A_ROW or (not self.answered and problem.startswith("no connection"))
            count = self._failed_in_a_row
        if dead and not self.stopped:
            self.stop(
                AskingStopped(
                    f"{self.service.name}: {self.service.base_url}: {problem}"
                    + (f"; {count} questions in a row failed" if count > 1 else "")
                    + "; is the service up, is `base_url` right?"
                )
            )

    def _send(self, url: str, data: bytes) -> Reply:
        started = time.monotonic()
        response = self._session().post(url, data=data, timeout=self.service.timeout_s, allow_redirects=False, stream=True)
        with response:
            raw = self._read(response, started + self.service.timeout_s)
        headers = CaseInsensitiveDict({name: self._blot(value) for name, value in response.headers.items()})
        body = self._blot(raw.decode("utf-8", "replace"))
        return Reply(response.status_code, headers, body, time.monotonic() - started)

    def _read(self, response: requests.Response, give_up_at: float) -> bytes:
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

    def _session(self) -> requests.Session:
        """A session for each thread: the library's are not promised to be safe for several."""
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.headers.update({"Content-Type": "application/json", "User-Agent": "microrank"})
            session.auth = _Bearer(self._token)
            # A proxy of the environment is for the world outside, not for this machine's own servers.
            session.trust_env = not self.service.is_local
            self._local.session = session
            with self._lock:
                self._sessions.append(session)
        return session

    def _connection_problem(self, error: Exception) -> str:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            raise AskingStopped(
                f"{self.service.name}: {self.service.base_url}: the server's certificate is not trusted; where it is your own, "
                f"name its authority's file in the variable REQUESTS_CA_BUNDLE"
            ) from error
        if isinstance(error, requests.ConnectTimeout):
            return "no connection: it was not accepted in time"
        if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
            return f"no answer within timeout_s ({self.service.timeout_s:g})"
        if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.MissingSchema):
            raise AskingStopped(f"{self.service.name}: base_url {self.service.base_url} is no address; it begins with https://") from error
        text = self._blot(" ".join(str(error).split()))
        reason = re.split(r"Error\(|: ", text.strip("()\"' "))[-1].strip("()\"' ")[:160]
        if "Failed to establish" in text or "Failed to resolve" in text:
            return f"no connection ({reason})"
        return f"the connection broke ({reason})"

    def _blot(self, text: str) -> str:
        return text.replace(self._token, "[token]") if self._token else text


class _Bearer(requests.auth.AuthBase):
    """The token's only way out. Set as `auth` even without a token, so that a .netrc file is never consulted."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def complaint(reply: Reply) -> str:
    """What an error's body says, short: `error` as a string or an object, `message`, `detail`, or the start of the text."""
    try:
        answer = json.loads(reply.body)
    except ValueError:
        answer = reply.body
    while isinstance(answer, dict):
        inner = next((answer[name] for name in ("error", "message", "detail", "msg") if answer.get(name)), None)
        answer = json.dumps(answer) if inner is None else inner
    if 300 <= reply.status < 400:
        answer = f"redirects to {reply.headers.get('Location', 'nowhere')}"
    text = " ".join(str(answer).split())
    return (text[:200] + " …") if len(text) > 200 else (text or "an empty body")
