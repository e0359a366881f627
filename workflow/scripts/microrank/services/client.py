"""One endpoint, asked over HTTP by many threads: tries, waits and stops as the server's answers demand."""

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

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
from microrank.services.rate_limit import RateLimit, backoff, wait_hint
from microrank.services.settings import Service

FAILURES_IN_A_ROW = 20  # then nothing more is asked: the endpoint is broken, not the questions

log = logging.getLogger(__name__)
T = TypeVar("T")


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
        self.answered = (
            0  # questions of this job that have an answer, kept ones of earlier runs too
        )
        self.answered_now = 0
        self._pace = RateLimit(service.requests_per_minute, service.tokens_per_minute)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._failed_in_a_row = 0
        self.connection = Connection(service, token)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.connection.close()

    def stop(self, reason: AskingStopped) -> None:
        """Ask nothing more; threads that wait wake up."""
        with self._lock:
            self.stopped = self.stopped or reason
        self._stop.set()

    def ask(
        self,
        url: str,
        body: Mapping[str, Any],
        read: Callable[[Reply], T],
        estimate: Estimate,
        *,
        usage: Callable[[T], Spent] | None = None,
        check: Callable[[T], None] | None = None,
    ) -> tuple[T, Reply]:
        """Send one question until `read` accepts the answer.

        Args:
            read: makes the answer's content of a reply with status 200, or raises Malformed, which is tried again.
            usage: what an answer took, the request itself included.
            check: raises QuestionFailed for content that asking again would not better (and that is paid for).

        Raises:
            QuestionFailed: this question has no answer (Refused where another form of it may have one).
            AskingStopped: nothing more is to be asked; also set as `stopped`.
        """
        try:
            answer = self._ask(url, body, read, estimate, usage)
            if check is not None:
                check(answer[0])
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
        self,
        url: str,
        body: Mapping[str, Any],
        read: Callable[[Reply], T],
        estimate: Estimate,
        usage: Callable[[T], Spent] | None,
    ) -> tuple[T, Reply]:
        data = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        worst_usd = self.service.cost_usd(
            estimate.worst_prompt_tokens, estimate.worst_completion_tokens
        )
        worst = Spent(
            1, estimate.worst_prompt_tokens + estimate.worst_completion_tokens, worst_usd or 0.0
        )
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
                reply: Reply | None = self.connection.send("POST", url, data)
                assert reply is not None
                if reply.status == 200:
                    content = read(reply)
                    if usage is not None:
                        actual = usage(content)
                    self._pace.answered(record, actual.tokens or None)
                    return content, reply
                problem = f"status {reply.status}: {complaint(reply)}"
                # llama.cpp's Python server says 500 where it means 422.
                if reply.status not in PASSING or (
                    "response_format" in body and "response_format" in reply.body
                ):
                    self._refuse(reply, problem)
            except Malformed as error:
                problem = f"an unusable answer: {error}"
            except BROKEN as error:
                reply, problem = None, self.connection.problem(error)
            finally:
                self.budget.settle(worst, actual)
            pushed_back = reply is not None and reply.status in PUSHBACK
            failures += not pushed_back
            self._wait(
                reply, problem, pushed_back=pushed_back, failures=failures, first_sent=first_sent
            )

    def _wait(
        self,
        reply: Reply | None,
        problem: str,
        *,
        pushed_back: bool,
        failures: int,
        first_sent: float,
    ) -> None:
        """Wait before the next try, or give the question up."""
        service = self.service
        if failures >= service.max_tries:
            raise QuestionFailed(f"{problem} (tried {failures} times)")
        hint_s = (
            wait_hint(reply.headers, reply.body, time.time())
            if reply is not None and reply.status != 200
            else None
        )
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
            raise QuestionFailed(
                f"{problem} (tried for {waited_s:.0f} s; max_wait_s is {service.max_wait_s:g})"
            )
        if not pushed_back:
            self._stop.wait(wait_s)

    def _refuse(self, reply: Reply, problem: str) -> None:
        """Raise what a status that no waiting cures calls for."""
        message = f"{self.service.name}: {self.service.base_url}: {problem}; {advice(reply.status, self.service.token_env)}"
        if reply.status in (400, 413, 422) or reply.status >= 500:
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
            count = self._failed_in_a_row
            unreachable = not self.answered and problem.startswith("no connection")
        if (unreachable or count >= FAILURES_IN_A_ROW) and not self.stopped:
            why = (
                "is the service up, is `base_url` right?"
                if unreachable
                else f"{count} questions in a row failed"
            )
            self.stop(
                AskingStopped(f"{self.service.name}: {self.service.base_url}: {problem}; {why}")
            )
