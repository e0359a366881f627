"""One endpoint, asked over HTTP by many threads: when to try again, to wait and to stop."""

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from microrank.services.budget import Budget, Spent
from microrank.services.connection import BROKEN, Connection, Reply, complaint
from microrank.services.failures import (
    PASSING,
    PUSHBACK,
    AskingStopped,
    Malformed,
    QuestionFailed,
    Refused,
    advice,
)
from microrank.services.rate_limit import RateLimit, backoff
from microrank.services.settings import Service
from microrank.services.tokens import Estimate
from microrank.services.wait_hints import wait_hint

FAILURES_IN_A_ROW = 20  # then nothing more is asked: the endpoint is broken, not the questions

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request to a service, and how its reply is read."""

    url: str
    body: Mapping[str, Any]
    estimate: Estimate
    # Makes the answer of a reply with status 200, or raises Malformed, which is tried again.
    read: Callable[[Reply], T]
    # What an answer took, the request itself included.
    usage: Callable[[T], Spent] = lambda answer: Spent(1)
    # Raises QuestionFailed for an answer that asking again would not better, and that is paid for.
    check: Callable[[T], None] = lambda answer: None


@dataclass
class _Tries:
    """What a question has cost so far."""

    first_sent: float = field(default_factory=time.monotonic)
    failures: int = 0  # requests to wait are none


@dataclass(frozen=True)
class _Setback:
    """Why a try brought no answer; `reply` where one came."""

    problem: str
    reply: Reply | None = None

    @property
    def is_pushback(self) -> bool:
        return self.reply is not None and self.reply.status in PUSHBACK

    def wait_hint(self) -> float | None:
        """Seconds that the server asks to wait."""
        if self.reply is None or self.reply.status == 200:
            return None
        return wait_hint(self.reply.headers, self.reply.body, time.time())


class Client:
    """Asks one service. Safe for threads; as a context manager it closes its connections."""

    def __init__(self, service: Service, token: str | None, budget: Budget | None = None) -> None:
        """Prepare to ask `service`, with `token` where it needs one, within `budget`."""
        self.service = service
        self.budget = budget or Budget()
        self.stopped: AskingStopped | None = None
        self.answered = 0  # questions of this job with an answer, also of earlier runs
        self.answered_now = 0
        self._rate_limit = RateLimit(service.requests_per_minute, service.tokens_per_minute)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._failed_in_a_row = 0
        self.connection = Connection(service, token)

    def __enter__(self) -> Self:
        """Nothing is opened before the first request."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close all connections."""
        self.connection.close()

    def stop(self, reason: AskingStopped) -> None:
        """Ask nothing more; threads that wait wake up."""
        with self._lock:
            self.stopped = self.stopped or reason
        self._stop.set()

    def ask(self, call: Call[T]) -> tuple[T, Reply]:
        """Send one question until its answer can be read.

        Returns:
            The answer, and the reply that held it.

        Raises:
            QuestionFailed: this question has no answer.
            Refused: this question has none in this form; another form may have one.
            AskingStopped: nothing more is to be asked; also kept as `stopped`.
        """
        try:
            answer, reply = self._try_until_answered(call)
            call.check(answer)
        except AskingStopped as stopped:
            self.stop(stopped)
            raise
        except Refused:
            raise
        except QuestionFailed as failed:
            self._count_failure(str(failed))
            raise
        with self._lock:
            self._failed_in_a_row = 0
            self.answered += 1
            self.answered_now += 1
        return answer, reply

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

    def _try_until_answered(self, call: Call[T]) -> tuple[T, Reply]:
        tries: _Tries | None = None
        data = json.dumps(call.body, ensure_ascii=False).encode("utf-8", "replace")
        while True:
            use = self._rate_limit.before_sending(call.estimate.tokens, self._stop)
            if self.stopped:
                raise AskingStopped(str(self.stopped))
            worst = self._worst(call.estimate)
            self.budget.reserve(worst)
            tries = tries or _Tries()
            spent = Spent(1)
            try:
                reply = self.connection.send("POST", call.url, data)
                if reply.status == 200:
                    answer = call.read(reply)
                    spent = call.usage(answer)
                    self._rate_limit.answered(use, spent.tokens or None)
                    return answer, reply
                setback = self._unserved(call, reply)
            except Malformed as error:
                setback = _Setback(f"an unusable answer: {error}")
            except BROKEN as error:
                setback = _Setback(self.connection.problem(error))
            finally:
                self.budget.settle(worst, spent)
            self._wait(setback, tries)

    def _worst(self, estimate: Estimate) -> Spent:
        """The most that a request can take."""
        usd = self.service.cost_usd(estimate.most_prompt_tokens, estimate.completion_tokens)
        return Spent(1, estimate.most_tokens, usd or 0.0)

    def _unserved(self, call: Call[Any], reply: Reply) -> _Setback:
        """What a reply with another status than 200 means.

        Raises:
            Refused: another form of the question may be served.
            AskingStopped: no waiting cures it.
        """
        problem = f"status {reply.status}: {complaint(reply)}"
        # llama.cpp's Python server says 500 where it means 422.
        about_format = "response_format" in call.body and "response_format" in reply.body
        if reply.status in PASSING and not about_format:
            return _Setback(problem, reply)
        service = self.service
        what_to_do = advice(reply.status, service.token_env)
        message = f"{service.name}: {service.base_url}: {problem}; {what_to_do}"
        if reply.status in (400, 413, 422) or reply.status >= 500:
            raise Refused(reply.status, message)
        raise AskingStopped(message)

    def _wait(self, setback: _Setback, tries: _Tries) -> None:
        """Wait before the next try.

        Raises:
            QuestionFailed: the question was tried often or long enough.
            AskingStopped: the server asks to wait longer than is allowed.
        """
        service = self.service
        tries.failures += not setback.is_pushback
        if tries.failures >= service.max_tries:
            raise QuestionFailed(f"{setback.problem} (tried {tries.failures} times)")
        waited_s = time.monotonic() - tries.first_sent
        wait_s = self._wait_s(setback, tries)
        log.debug("%s: %s; waiting %.1f s", service.name, setback.problem, wait_s)
        if waited_s + wait_s > service.max_wait_s:
            raise QuestionFailed(
                f"{setback.problem} "
                f"(tried for {waited_s:.0f} s; max_wait_s is {service.max_wait_s:g})"
            )
        if not setback.is_pushback:  # else the rate limit holds all threads
            self._stop.wait(wait_s)

    def _wait_s(self, setback: _Setback, tries: _Tries) -> float:
        """How long to wait; a request to wait counts for all threads."""
        service = self.service
        hint_s = setback.wait_hint()
        if hint_s is not None and hint_s > service.max_wait_s:
            raise AskingStopped(
                f"{service.name}: {setback.problem}; the service asks to wait {hint_s:.0f} s, "
                f"more than max_wait_s ({service.max_wait_s:g}): come back then"
            )
        if setback.is_pushback:
            return self._rate_limit.cool_down(hint_s, service.first_wait_s)
        return hint_s if hint_s is not None else backoff(tries.failures, service.first_wait_s)

    def _count_failure(self, problem: str) -> None:
        """Stop asking where the endpoint is broken."""
        with self._lock:
            self._failed_in_a_row += 1
            count = self._failed_in_a_row
            unreachable = not self.answered and problem.startswith("no connection")
        if self.stopped or (not unreachable and count < FAILURES_IN_A_ROW):
            return
        why = f"{count} questions in a row failed"
        if unreachable:
            why = "is the service up, is `base_url` right?"
        service = self.service
        self.stop(AskingStopped(f"{service.name}: {service.base_url}: {problem}; {why}"))
