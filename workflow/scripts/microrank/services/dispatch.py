"""Many questions to one service: those without a kept answer are asked, a few at a time; what fails is listed when all others are done."""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TypeVar

from microrank.errors import StudyError
from microrank.services.client import Client
from microrank.services.failures import AskedElsewhere, AskingStopped, QuestionFailed
from microrank.services.locks import wait_for

REPORT_EVERY_S = 10.0
log = logging.getLogger(__name__)
W = TypeVar("W")


def ask_each(
    client: Client, work: Sequence[W], ask: Callable[[W], None], name_of: Callable[[W], str]
) -> None:
    """Call `ask` for each piece of `work` on the client's threads; `ask` keeps what it is answered.

    What `ask` finds to be asked by another job (AskedElsewhere) comes last: when that job has an answer or ends.

    Raises:
        StudyError: something was not answered; raised when everything else is done, it says how much, why, and what to do.
    """
    failed: dict[int, str] = {}
    started = reported = time.monotonic()
    executor = ThreadPoolExecutor(
        max_workers=client.service.concurrency, thread_name_prefix=client.service.name
    )
    waiting: dict[Future[None], int] = {}
    ahead = iter(range(len(work)))
    elsewhere: dict[int, Path] = {}
    told = False
    try:
        while True:
            while (
                not client.stopped
                and len(waiting) < 2 * client.service.concurrency
                and (index := next(ahead, None)) is not None
            ):
                waiting[executor.submit(ask, work[index])] = index
            if not waiting:
                if not elsewhere or client.stopped:
                    break
                if not told:
                    told = True
                    log.info(
                        "%s: another job is asking %d of these questions; waiting for its answers",
                        client.service.name,
                        len(elsewhere),
                    )
                wait_for(next(iter(elsewhere.values())))
                ahead, elsewhere = iter(list(elsewhere)), {}
                continue
            for future in wait(waiting, timeout=REPORT_EVERY_S, return_when=FIRST_COMPLETED).done:
                index = waiting.pop(future)
                try:
                    future.result()
                except QuestionFailed as error:
                    failed[index] = str(error)
                    log.warning("%s: %s", name_of(work[index]), error)
                except AskingStopped:
                    failed[index] = ""
                except AskedElsewhere as other:
                    elsewhere[index] = other.lock
            if time.monotonic() - reported > REPORT_EVERY_S:
                reported = time.monotonic()
                _report(client, len(work), len(failed), reported - started)
    finally:
        # Also on Ctrl-C and on defects: waiting threads wake up, and only requests under way are awaited.
        client.stop(AskingStopped("asking was interrupted"))
        executor.shutdown(wait=True, cancel_futures=True)
    not_asked = (
        sum(1 for _ in ahead) + len(elsewhere) + sum(1 for reason in failed.values() if not reason)
    )
    _complain(
        client,
        len(work),
        {name_of(work[index]): reason for index, reason in sorted(failed.items()) if reason},
        not_asked,
    )


def _report(client: Client, total: int, failed: int, elapsed_s: float) -> None:
    done = client.answered_now + failed
    left = f", about {(total - done) * elapsed_s / done:.0f} s left" if done else ""
    log.info(
        "%s: asked %d of %d, %d failed, %.2f/s%s",
        client.service.name,
        done,
        total,
        failed,
        done / elapsed_s,
        left,
    )


def _complain(client: Client, total: int, failed: dict[str, str], not_asked: int) -> None:
    """Raise one line about all that is missing, if anything is."""
    if not failed and not not_asked:
        return
    unanswered = len(failed) + not_asked
    line = f"{client.service.name}: {unanswered} of {total} questions have no answer; the {total - unanswered} others are kept"
    if client.stopped and not_asked:
        line += f"; stopped: {client.stopped}"
    elif failed:
        name, reason = next(iter(failed.items()))
        line += f"; failed: {_few(list(failed))}; the first, {name}: {reason}"
    raise StudyError(f"{line}; run again to ask only what is missing")


def _few(names: list[str]) -> str:
    return ", ".join(names[:5]) + (
        f" and {len(names) - 5} more (see the log)" if len(names) > 5 else ""
    )
