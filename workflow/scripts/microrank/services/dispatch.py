"""Many questions to one service: a few at once, and what fails is listed at the end."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from microrank.errors import StudyError
from microrank.services.client import Client
from microrank.services.failures import (
    AskedElsewhere,
    AskingStopped,
    BudgetReached,
    QuestionFailed,
)
from microrank.services.locks import wait_for

REPORT_EVERY_S = 10.0
NAMES_SHOWN = 5
log = logging.getLogger(__name__)
W = TypeVar("W")


@dataclass(frozen=True)
class Failure:
    """A question without an answer, by its name, and why."""

    name: str
    reason: str


def ask_each(
    client: Client,
    work: Sequence[W],
    ask: Callable[[W], Sequence[Failure] | None],
    name_of: Callable[[W], str],
    n_unanswered: Callable[[W], int] = lambda piece: 1,
) -> None:
    """Call `ask` for each piece of `work`, on as many threads as the service's `concurrency`.

    Where `ask` finds that another job is asking (AskedElsewhere), that piece is asked last, when
    the other job has its answer or has ended.

    Args:
        client: the service.
        work: the questions, or batches of texts.
        ask: asks one piece, keeps its answer, and gives the parts of it that have none.
        name_of: a piece's name, for messages.
        n_unanswered: how many questions of a piece have no answer yet.

    Raises:
        StudyError: something was not answered. It is raised when everything else is done, and says
            how much, why, and what to do.
    """
    _Dispatch(client, work, ask, name_of, n_unanswered).run()


class _Dispatch(Generic[W]):
    """The state of one call of `ask_each`; pieces of work are known by their places in it."""

    def __init__(
        self,
        client: Client,
        work: Sequence[W],
        ask: Callable[[W], Sequence[Failure] | None],
        name_of: Callable[[W], str],
        n_unanswered: Callable[[W], int],
    ) -> None:
        self._client, self._work, self._ask, self._name_of = client, work, ask, name_of
        self._n_unanswered = n_unanswered
        self._sizes = [n_unanswered(piece) for piece in work]
        self._n_done = 0  # questions that are answered or failed
        self._ahead: Iterator[int] = iter(range(len(work)))
        self._running: dict[Future[Sequence[Failure] | None], int] = {}
        self._elsewhere: dict[int, Path] = {}
        self._failed: dict[int, Sequence[Failure]] = {}
        self._stopped: list[int] = []
        self._announced_wait = False
        self._started = self._reported = time.monotonic()

    def run(self) -> None:
        service = self._client.service
        executor = ThreadPoolExecutor(service.concurrency, thread_name_prefix=service.name)
        try:
            while self._submit(executor) or self._wait_for_another_job():
                self._collect()
                self._report()
        finally:
            # Also on Ctrl-C and on defects: waiting threads wake up, and only requests under way
            # are awaited.
            self._client.stop(AskingStopped("asking was interrupted"))
            executor.shutdown(wait=True, cancel_futures=True)
        self._complain()

    def _submit(self, executor: ThreadPoolExecutor) -> bool:
        """Keep two pieces a thread in hand; False where nothing is under way."""
        while not self._client.stopped and self._has_room():
            index = next(self._ahead, None)
            if index is None:
                break
            self._running[executor.submit(self._ask, self._work[index])] = index
        return bool(self._running)

    def _has_room(self) -> bool:
        return len(self._running) < 2 * self._client.service.concurrency

    def _wait_for_another_job(self) -> bool:
        """Wait until one piece that another job asks is free; False where there is none."""
        if not self._elsewhere or self._client.stopped:
            return False
        if not self._announced_wait:
            self._announced_wait = True
            log.info(
                "%s: another job is asking %d of these questions; waiting for its answers",
                self._client.service.name,
                len(self._elsewhere),
            )
        wait_for(next(iter(self._elsewhere.values())))
        self._ahead, self._elsewhere = iter(list(self._elsewhere)), {}
        return True

    def _collect(self) -> None:
        """Take note of the pieces that are done."""
        if not self._running:
            return
        done = wait(self._running, timeout=REPORT_EVERY_S, return_when=FIRST_COMPLETED).done
        for future in done:
            self._note(self._running.pop(future), future)

    def _note(self, index: int, future: Future[Sequence[Failure] | None]) -> None:
        failures: Sequence[Failure] = []
        size = self._sizes[index]
        try:
            failures = future.result() or []
        except QuestionFailed as error:
            failures = [Failure(self._name_of(self._work[index]), str(error))]
        except AskingStopped:
            self._stopped.append(index)
            size = 0
        except AskedElsewhere as other:
            self._elsewhere[index] = other.lock
            size = 0
        self._n_done += size
        if failures:
            self._failed[index] = failures
        for failure in failures:
            log.warning("%s: %s", failure.name, failure.reason)

    def _report(self) -> None:
        """Log the progress, every few seconds."""
        now = time.monotonic()
        if now - self._reported <= REPORT_EVERY_S:
            return
        self._reported = now
        elapsed_s = now - self._started
        done, total = self._n_done, sum(self._sizes)
        left_s = (total - done) * elapsed_s / done if done else None
        log.info(
            "%s: asked %d of %d, %d failed, %.2f/s%s",
            self._client.service.name,
            done,
            total,
            sum(map(len, self._failed.values())),
            done / elapsed_s,
            f", about {left_s:.0f} s left" if left_s is not None else "",
        )

    def _complain(self) -> None:
        """Raise one line about all that has no answer, if anything has none."""
        failures = [failure for _, failed in sorted(self._failed.items()) for failure in failed]
        pieces = [*self._ahead, *self._elsewhere, *self._stopped]
        not_asked = sum(self._n_unanswered(self._work[index]) for index in pieces)
        unanswered = len(failures) + not_asked
        if not unanswered:
            return
        total = sum(self._sizes)
        line = (
            f"{self._client.service.name}: {unanswered} of {total} questions have no answer; "
            f"the {total - unanswered} others are kept"
        )
        if self._client.stopped and not_asked:
            line += f"; stopped: {self._client.stopped}"
        elif failures:
            line += f"; failed: {listed(failures)}"
        is_budget = isinstance(self._client.stopped, BudgetReached)
        kind = BudgetReached if is_budget and not_asked else StudyError
        raise kind(f"{line}; run again to ask only what is missing")


def listed(failures: Sequence[Failure]) -> str:
    """Return the names of what failed, and why the first did."""
    names = ", ".join(failure.name for failure in failures[:NAMES_SHOWN])
    if len(failures) > NAMES_SHOWN:
        names += f" and {len(failures) - NAMES_SHOWN} more (see the log)"
    return f"{names}; the first, {failures[0].name}: {failures[0].reason}"
