"""Questions to a service whose next one depends on the answers before it.

Each course of questions runs in one thread, several courses at once. Every answer is kept when it
comes, so that a course that was cut off is replayed from the store up to where it was.
"""

import logging
from collections.abc import Callable, Generator, Hashable, Mapping, Sequence
from typing import Any, TypeVar

from microrank.services.adapters import adapter_of
from microrank.services.budget import spending
from microrank.services.chat import Asker, check_bounded, report_answers
from microrank.services.chat_model import ChatModel
from microrank.services.client import Client
from microrank.services.dispatch import ask_each
from microrank.services.expectation import Expectations
from microrank.services.kept import kept_answer
from microrank.services.settings import Service
from microrank.services.store import Entry, Request, Store, request_key

log = logging.getLogger(__name__)
K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
# Yields requests, is sent their answers, and returns what came of them.
Course = Generator[Sequence[Request], Sequence[Entry], T]


class Missing(Exception):
    """The store lacks an answer.

    Attributes:
        request: That has none.
    """

    def __init__(self, request: Request) -> None:
        super().__init__(request_key(request))
        self.request = request


def follow(course: Course[T], answer: Callable[[Request], Entry]) -> T:
    """Answer each request of a course; gives what came of it.

    Args:
        course: of questions.
        answer: gives the answer to a request; what it raises ends the course.
    """
    try:
        requests = next(course)
        while True:
            requests = course.send([answer(request) for request in requests])
    except StopIteration as stop:
        outcome: T = stop.value
        return outcome


def ask_in_turn(
    courses: Mapping[K, Callable[[], Course[T]]],
    service: Service,
    store: Store,
    budget: Mapping[str, Any] | None = None,
) -> dict[K, T]:
    """Follow all courses, with answers from the store or else from the service.

    Args:
        courses: name → what starts a course; the same answers must lead to the same questions.
        service: how to ask.
        store: where answers are kept.
        budget: the config's `budget`.

    Returns:
        Name → what came of its course.

    Raises:
        StudyError: answers are missing and cannot be had; those that came are kept.
    """
    kept: dict[str, Entry] = {}
    outcomes, missing = _replay(courses, store, kept)
    n_kept = len(outcomes)
    log.info("%s: %d of %d users' answers are in the store", service.name, n_kept, len(courses))
    if missing:
        store.missing({str(name): request for name, request in missing.items()})
        token = service.token(f"answers about {len(missing)} users are not in the store yet")
        with spending(budget, store) as limits, Client(service, token, limits) as client:
            check_bounded(missing.values(), limits, service.name)
            waiting = {name: courses[name] for name in missing}
            outcomes |= _ask_missing(waiting, missing, kept, client, store)
    report_answers(service.name, kept.values())
    return {name: outcomes[name] for name in courses}


def _replay(
    courses: Mapping[K, Callable[[], Course[T]]], store: Store, kept: dict[str, Entry]
) -> tuple[dict[K, T], dict[K, Request]]:
    """What came of courses all of whose answers are kept, and the first missing one of others."""

    def from_store(request: Request) -> Entry:
        entry = kept_answer(store, request)
        if entry is None:
            raise Missing(request)
        kept[entry.key] = entry
        return entry

    outcomes: dict[K, T] = {}
    missing: dict[K, Request] = {}
    for name, start in courses.items():
        try:
            outcomes[name] = follow(start(), from_store)
        except Missing as lacking:
            missing[name] = lacking.request
    return outcomes, missing


def _ask_missing(
    courses: Mapping[K, Callable[[], Course[T]]],
    missing: Mapping[K, Request],
    kept: dict[str, Entry],
    client: Client,
    store: Store,
) -> dict[K, T]:
    """Follow courses some of whose answers are to be asked for; `kept` gains them."""
    expectations = Expectations(store)
    for request in missing.values():
        if not adapter_of(request).is_simulated:
            expectations.note_first(request, kept.values())
    client.answered = len(kept)
    asker = Asker(ChatModel(client), store, expectations, kept)
    outcomes: dict[K, T] = {}

    def ask(name: K) -> None:
        outcomes[name] = follow(courses[name](), asker.answer)

    ask_each(client, list(courses), ask, str)
    return outcomes
