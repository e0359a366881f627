"""How long to wait: what servers say about it, a cool-down that all threads of an endpoint share, and limits a minute."""

import email.utils
import json
import math
import random
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

LONGEST_BACKOFF_S = 60.0


def wait_hint(headers: Mapping[str, str], body: str, now_s: float) -> float | None:
    """Seconds that a server asks to wait: `Retry-After` (seconds or a date), else `RateLimit: …;t=…`, else the body's `estimated_time`.

    Args:
        now_s: the time since the epoch, for dates.
    """
    hints = (
        _retry_after(headers.get("Retry-After", ""), now_s),
        _rate_limit(headers.get("RateLimit", "")),
        _estimated_time(body),
    )
    return next((hint for hint in hints if hint is not None), None)


def backoff(failures: int, first_wait_s: float) -> float:
    """Exponential and jittered: between half and all of first_wait_s · 2^(failures − 1), at most a minute."""
    full = min(first_wait_s * 2 ** min(failures - 1, 30), LONGEST_BACKOFF_S)
    return full * random.uniform(0.5, 1.0)


def _retry_after(value: str, now_s: float) -> float | None:
    if (seconds := _seconds(value)) is not None:
        return seconds
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - now_s)
    except (ValueError, TypeError, OverflowError):
        return None


def _rate_limit(value: str) -> float | None:
    found = re.search(r";\s*t=([0-9.]+)", value)
    return _seconds(found[1]) if found else None


def _estimated_time(body: str) -> float | None:
    try:
        answer = json.loads(body)
    except ValueError:
        return None
    return _seconds(answer.get("estimated_time")) if isinstance(answer, dict) else None


def _seconds(value: object) -> float | None:
    try:
        seconds = float(value)  # type: ignore[arg-type]
    except (ValueError, TypeError):
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


class Window:
    """At most `limit` in any `span_s` seconds. One that is larger than the limit alone passes when nothing else is in the window."""

    def __init__(self, limit: int | None, span_s: float = 60.0) -> None:
        self.limit, self.span_s = limit, span_s
        self._used: deque[list[float]] = deque()  # [time, amount]
        self._sum = 0.0

    def delay(self, now: float, amount: float) -> float:
        """Seconds until `amount` fits."""
        if self.limit is None:
            return 0.0
        while self._used and self._used[0][0] <= now - self.span_s:
            self._sum -= self._used.popleft()[1]
        excess = self._sum + amount - self.limit
        if excess <= 0 or not self._used:
            return 0.0
        for at, used in self._used:
            excess -= used
            if excess <= 0:
                return at + self.span_s - now
        return self._used[-1][0] + self.span_s - now

    def add(self, now: float, amount: float) -> list[float]:
        """Count `amount`; the record returned goes to `correct` when the true amount is known."""
        record = [now, amount]
        if self.limit is not None:
            self._used.append(record)
            self._sum += amount
        return record

    def correct(self, record: list[float], amount: float) -> None:
        if any(record is used for used in self._used):
            self._sum += amount - record[1]
            record[1] = amount


class RateLimit:
    """When the next request of an endpoint may go: shared by all threads that ask it."""

    def __init__(
        self,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._resume_at = -math.inf
        self._pushbacks = 0
        self._requests, self._tokens = Window(requests_per_minute), Window(tokens_per_minute)

    def before_sending(self, tokens: int, stop: threading.Event) -> list[float]:
        """Wait for the cool-down and the limits, count the request, and give the record for `answered`; early where `stop` is set."""
        while True:
            with self._lock:
                now = self._clock()
                cooling = self._resume_at - now
                delay = max(cooling, self._requests.delay(now, 1), self._tokens.delay(now, tokens))
                if delay <= 0 or stop.is_set():
                    self._requests.add(now, 1)
                    return self._tokens.add(now, tokens)
            # A little apart, so that threads which cooled down together do not come back as one.
            stop.wait(delay + random.uniform(0, min(0.1 * delay, 1.0)))

    def answered(self, record: list[float], tokens: int | None) -> None:
        """The service works, and took this many tokens."""
        with self._lock:
            self._pushbacks = 0
            if tokens is not None:
                self._tokens.correct(record, tokens)

    def cool_down(self, hint_s: float | None, first_wait_s: float) -> float:
        """Hold all threads for as long as the server asks, else for a backoff that grows until something is answered. Gives the wait."""
        with self._lock:
            self._pushbacks += 1
            # A hint of 0 s is not taken at its word: it would be a storm.
            wait_s = (
                max(hint_s, 0.1 * first_wait_s)
                if hint_s is not None
                else backoff(min(self._pushbacks, 7), first_wait_s)
            )
            self._resume_at = max(self._resume_at, self._clock() + wait_s)
            return wait_s
