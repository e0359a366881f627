"""One endpoint, asked over HTTP by many threads: when to try again, to wait and to stop."""

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Generic, NoReturn, Self, TypeVar

from microrank.services.budget import Budget
from microrank.services.connection import BROKEN, Connection, Reply
from microrank.services.failures import (
    AskingStopped,
    Malformed,
    OtherForm,
    QuestionFailed,
    Refused,
    Unserved,
)
from microrank.services.rate_limit import RateLimit, backoff
from microrank.services.setbacks import OK, Setback, setback_of
from microrank.services.settings import Service
from microrank.services.spent import Spent
from microrank.services.tokens import Bound, Estimate
from microrank.services.usage import Usage, usage_in

FAILURES_IN_A_ROW = 20  # then nothing more is asked: the endpoint is broken, not the questions
REFUSALS = 5  # so many, and no answer at all, say that the request as such is wrong

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
    # The tokens of an answer.
    usage: Callable[[T], Usage] = lambda answer: Usage()
    # Raises QuestionFailed for an answer that asking again would not better, and that is paid for.
    check: Callable[[T], None] = lambda answer: None


@dataclass
class _Tries:
    """What a question has cost so far."""

    first_sent: float = field(default_factory=time.monotonic)
    failures: int = 0  # requests to wait are none


class Client:
    """Asks one service. Safe for threads; as a context manager it closes its connections."""

    def __init__(self, service: Service, token: str | None, budget: Budget | None = None) -> None:
        """Prepare to ask `service`, with `token` where it needs one, within `budget`."""
        self.service = service
        self.budget = budget or Budget()
        self.stopped: AskingStopped | None = None
        self.answered = 0  # questions of this job with an answer, also of earlier runs
        self._rate_limit = RateLimit(service.requests_per_minute, service.tokens_per_minute)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._failed_in_a_row = 0
        self._n_refused = 0
        self._bound = Bound()
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
            OtherForm: this question has none in this form; another form may have one.
            AskingStopped: nothing more is to be asked; also kept as `stopped`.
        """
        try:
            answer, reply = self._try_until_answered(call)
            call.check(answer)
        except AskingStopped as stopped:
            self.stop(stopped)
            raise
        except OtherForm:
            raise
        except QuestionFailed as failed:
            self._count_failure(str(failed))
            raise
        with self._lock:
            self._failed_in_a_row = 0
            self.answered += 1
        return answer, reply

    def give_up(self, failed: OtherForm) -> NoReturn:
        """No other form of the question is left.

        Raises:
            QuestionFailed: the question may be at fault, and not all others.
            AskingStopped: several were refused and none was answered: the request as such is wrong.
        """
        if isinstance(failed, Refused) and not failed.is_too_long:
            with self._lock:
                self._n_refused += 1
                is_hopeless = not self.answered and self._n_refused >= REFUSALS
            if is_hopeless:
                stopped = AskingStopped(str(failed))
                self.stop(stopped)
                raise stopped
        self._count_failure(str(failed))
        raise QuestionFailed(str(failed)) from failed

    def _try_until_answered(self, call: Call[T]) -> tuple[T, Reply]:
        tries: _Tries | None = None
        data = json.dumps(call.body, ensure_ascii=False).encode("utf-8", "replace")
        while True:
            use = self._rate_limit.before_sending(call.estimate.tokens, self._stop)
            if self.stopped:
                raise AskingStopped(str(self.stopped))
            worst = self._spent(self._bound.of(call.estimate))
            self.budget.reserve(worst)
            tries = tries or _Tries()
            spent, reply = Spent(1), None
            try:
                reply = self.connection.send("POST", call.url, data)
                if reply.status == OK:
                    answer = call.read(reply)
                    usage = call.usage(answer)
                    spent = self._spent(usage)
                    self._bound.learn(call.estimate, usage)
                    self._rate_limit.answered(use, usage.tokens or None)
                    return answer, reply
                setback = setback_of(reply, call.body, self.service)
            except Malformed as error:
                problem = f"an unusable answer: {error}"
                setback = Setback(problem, reply, error.max_tries)
                spent = self._spent(usage_in(reply.body) if reply else Usage())
            except BROKEN as error:
                setback = Setback(self.connection.problem(error))
            finally:
                self.budget.settle(worst, spent)
            self._wait(setback, tries)

    def _spent(self, usage: Usage) -> Spent:
        return Spent(1, usage.tokens, self.service.cost_usd(usage) or 0.0)

    def _wait(self, setback: Setback, tries: _Tries) -> None:
        """Wait before the next try.

        Raises:
            QuestionFailed: the question was tried often or long enough.
            AskingStopped: the server asks to wait longer than is allowed.
        """
        service = self.service
        if not setback.is_pushback:
            tries.failures += 1
        if tries.failures >= min(service.max_tries, setback.max_tries or service.max_tries):
            times = "once" if tries.failures == 1 else f"{tries.failures} times"
            kind = QuestionFailed if setback.reply is None else Unserved
            raise kind(f"{setback.problem} (tried {times})")
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

    def _wait_s(self, setback: Setback, tries: _Tries) -> float:
        """How long to wait; a request to wait counts for all threads."""
        service = self.service
        hint_s = setback.wait_hint()
        if hint_s is not None and hint_s > service.max_wait_s:
            then = datetime.fromtimestamp(time.time() + hint_s, UTC)
            raise AskingStopped(
                f"{service.name}: {setback.problem}; the service asks to wait {hint_s:.0f} s, "
                f"more than max_wait_s ({service.max_wait_s:g}): come back then, "
                f"after {then:%Y-%m-%d %H:%M} UTC"
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
