"""When the next request may be sent: limits a minute, and a cool-down that all threads share."""

import math
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

LONGEST_BACKOFF_S = 60.0
MOST_DOUBLINGS = 6  # of the cool-down that all threads share
SPAN_S = 60.0  # of limits a minute


def backoff(failures: int, first_wait_s: float) -> float:
    """Exponential backoff with jitter: half to all of first_wait_s · 2^(failures − 1).

    It is at most a minute.

    Args:
        failures: how often the question failed, from 1.
        first_wait_s: the wait after the first failure.
    """
    full = min(first_wait_s * 2 ** min(failures - 1, 30), LONGEST_BACKOFF_S)
    return full * random.uniform(0.5, 1.0)


@dataclass
class Use:
    """An amount that counts in a window from `time_s` on."""

    time_s: float
    amount: float


class Window:
    """At most `limit` in any minute.

    An amount that is larger than the limit passes when nothing else is in the window.
    """

    def __init__(self, limit: int | None) -> None:
        """Begin empty; without a `limit` everything passes at once."""
        self.limit = limit
        self._uses: deque[Use] = deque()
        self._sum = 0.0

    def delay(self, now: float, amount: float) -> float:
        """Seconds until `amount` fits."""
        if self.limit is None:
            return 0.0
        while self._uses and self._uses[0].time_s <= now - SPAN_S:
            self._sum -= self._uses.popleft().amount
        excess = self._sum + amount - self.limit
        if excess <= 0 or not self._uses:
            return 0.0
        for use in self._uses:
            excess -= use.amount
            if excess <= 0:
                break
        return use.time_s + SPAN_S - now

    def add(self, now: float, amount: float) -> Use:
        """Count `amount`; give the result to `correct` when the true amount is known."""
        use = Use(now, amount)
        if self.limit is not None:
            self._uses.append(use)
            self._sum += amount
        return use

    def correct(self, use: Use, amount: float) -> None:
        """Replace an amount that was counted, if it still counts."""
        if any(use is counted for counted in self._uses):
            self._sum += amount - use.amount
            use.amount = amount


class RateLimit:
    """When the next request to an endpoint may be sent; shared by all threads that ask it."""

    def __init__(
        self,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with both limits unused; `clock` gives seconds."""
        self._clock = clock
        self._lock = threading.Lock()
        self._resume_at = -math.inf
        self._pushbacks = 0
        self._requests, self._tokens = Window(requests_per_minute), Window(tokens_per_minute)

    def before_sending(self, tokens: int, stop: threading.Event) -> Use:
        """Wait for the cool-down and the limits, then count one request and its tokens.

        Args:
            tokens: that the request probably takes.
            stop: ends the wait when it is set.

        Returns:
            The tokens as they are counted, for `answered`.
        """
        while True:
            with self._lock:
                now = self._clock()
                cooling = self._resume_at - now
                delay = max(cooling, self._requests.delay(now, 1), self._tokens.delay(now, tokens))
                if delay <= 0 or stop.is_set():
                    self._requests.add(now, 1)
                    return self._tokens.add(now, tokens)
            # A little apart, so that threads which waited together do not come back as one.
            stop.wait(delay + random.uniform(0, min(0.1 * delay, 1.0)))

    def answered(self, use: Use, tokens: int | None) -> None:
        """Note that the service works, and how many tokens it really took."""
        with self._lock:
            self._pushbacks = 0
            if tokens is not None:
                self._tokens.correct(use, tokens)

    def cool_down(self, hint_s: float | None, first_wait_s: float) -> float:
        """Hold all threads for a while.

        Args:
            hint_s: how long the server asks to wait, if it says so. Without it the waits double
                until something is answered.
            first_wait_s: the first of these waits.

        Returns:
            The wait in seconds.
        """
        with self._lock:
            self._pushbacks += 1
            wait_s = self._wait_s(hint_s, first_wait_s)
            self._resume_at = max(self._resume_at, self._clock() + wait_s)
            return wait_s

    def _wait_s(self, hint_s: float | None, first_wait_s: float) -> float:
        if hint_s is None:
            return backoff(min(self._pushbacks, MOST_DOUBLINGS + 1), first_wait_s)
        return max(hint_s, 0.1 * first_wait_s)  # to try again at once would be a storm
