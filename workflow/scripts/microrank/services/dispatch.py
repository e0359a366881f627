"""Many questions to one service: a few at once, and what fails is listed at the end."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Generic, TypeVar

from microrank.errors import StudyError
from microrank.services.client import Client
from microrank.services.failures import AskedElsewhere, AskingStopped, QuestionFailed
from microrank.services.locks import wait_for

REPORT_EVERY_S = 10.0
NAMES_SHOWN = 5
log = logging.getLogger(__name__)
W = TypeVar("W")


def ask_each(
    client: Client, work: Sequence[W], ask: Callable[[W], None], name_of: Callable[[W], str]
) -> None:
    """Call `ask` for each piece of `work`, on as many threads as the service's `concurrency`.

    Where `ask` finds that another job is asking (AskedElsewhere), that piece is asked last, when
    the other job has its answer or has ended.

    Args:
        client: the service.
        work: the questions, or batches of texts.
        ask: asks one piece, and keeps its answer.
        name_of: a piece's name, for messages.

    Raises:
        StudyError: something was not answered. It is raised when everything else is done, and says
            how much, why, and what to do.
    """
    _Dispatch(client, work, ask, name_of).run()


class _Dispatch(Generic[W]):
    """The state of one call of `ask_each`; pieces of work are known by their places in it."""

    def __init__(
        self,
        client: Client,
        work: Sequence[W],
        ask: Callable[[W], None],
        name_of: Callable[[W], str],
    ) -> None:
        self._client, self._work, self._ask, self._name_of = client, work, ask, name_of
        self._ahead: Iterator[int] = iter(range(len(work)))
        self._running: dict[Future[None], int] = {}
        self._elsewhere: dict[int, Path] = {}
        self._failed: dict[int, str] = {}
        self._n_stopped = 0
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

    def _note(self, index: int, future: Future[None]) -> None:
        try:
            future.result()
        except QuestionFailed as error:
            self._failed[index] = str(error)
            log.warning("%s: %s", self._name_of(self._work[index]), error)
        except AskingStopped:
            self._n_stopped += 1
        except AskedElsewhere as other:
            self._elsewhere[index] = other.lock

    def _report(self) -> None:
        """Log the progress, every few seconds."""
        now = time.monotonic()
        if now - self._reported <= REPORT_EVERY_S:
            return
        self._reported = now
        elapsed_s = now - self._started
        done = self._client.answered_now + len(self._failed)
        left_s = (len(self._work) - done) * elapsed_s / done if done else None
        log.info(
            "%s: asked %d of %d, %d failed, %.2f/s%s",
            self._client.service.name,
            done,
            len(self._work),
            len(self._failed),
            done / elapsed_s,
            f", about {left_s:.0f} s left" if left_s is not None else "",
        )

    def _complain(self) -> None:
        """Raise one line about all that has no answer, if anything has none."""
        not_asked = sum(1 for _ in self._ahead) + len(self._elsewhere) + self._n_stopped
        unanswered = len(self._failed) + not_asked
        if not unanswered:
            return
        total = len(self._work)
        line = (
            f"{self._client.service.name}: {unanswered} of {total} questions have no answer; "
            f"the {total - unanswered} others are kept"
        )
        if self._client.stopped and not_asked:
            line += f"; stopped: {self._client.stopped}"
        elif self._failed:
            line += f"; failed: {self._failures()}"
        raise StudyError(f"{line}; run again to ask only what is missing")

    def _failures(self) -> str:
        """The names of what failed, and why the first did."""
        names = [self._name_of(self._work[index]) for index in sorted(self._failed)]
        more = f" and {len(names) - NAMES_SHOWN} more (see the log)"
        listed = ", ".join(names[:NAMES_SHOWN]) + (more if len(names) > NAMES_SHOWN else "")
        return f"{listed}; the first, {names[0]}: {self._failed[min(self._failed)]}"
