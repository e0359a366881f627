"""Ask a language model in this process in turn: the next question of every user, round by round."""

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from microrank import tables
from microrank.errors import StudyError
from microrank.local_llm.answering import answer, dtype_to_ask
from microrank.local_llm.in_turn import ASK, Compared, InTurn, Sorted, row_of
from microrank.local_llm.requests import Asked
from microrank.local_llm.session import Session
from microrank.services.store import Entry, Request, request_key


class Course:
    """One user's questions, up to the next one."""

    def __init__(self, ask: InTurn, user: Asked) -> None:
        """Begin with the first questions."""
        self.user, self.entries = user, list[Entry]()
        self.outcome: Sorted | None = None
        self._turns = ask.turns(user)
        self.questions: list[Compared] = []
        self._go_on(None)

    def answer(self, entries: Sequence[Entry]) -> None:
        """Take the answers to all `questions`, and go on to the next ones."""
        self.entries += entries
        self._go_on([json.loads(entry.body) for entry in entries])

    def _go_on(self, answers: list[dict[str, Any]] | None) -> None:
        try:
            self.questions = next(self._turns) if answers is None else self._turns.send(answers)
        except StopIteration as stop:
            self.outcome, self.questions = stop.value, []


def query_in_turn(asked: Sequence[Asked], ask: InTurn, session: Session) -> pa.Table:
    """Sort every user's candidates by the log-probabilities of labels.

    Each round asks the next questions of all users, so that the model reads them in batches.

    Args:
        asked: each user as each pass shows them.
        ask: the way of asking.
        session: the model.

    Returns:
        Table RESPONSES, in the order of `asked`.

    Raises:
        StudyError: answers are missing and cannot be had; those that came are kept.
    """
    courses = _courses(asked, ask, session)
    rows = [_row(ask, course) for course in courses]
    return pa.Table.from_pylist(rows, schema=tables.RESPONSES)


def _courses(asked: Sequence[Asked], ask: InTurn, session: Session) -> list[Course]:
    """All courses to their ends, of one dtype: of the first with which all answers are kept."""
    for dtype in session.dtypes:
        courses = [Course(ask, user) for user in asked]
        if _follow(courses, session, dtype, ask_missing=False):
            return courses
    dtype = session.dtypes[0] if session.store.offline else dtype_to_ask(session)
    courses = [Course(ask, user) for user in asked]
    _follow(courses, session, dtype, ask_missing=True)
    return courses


def _follow(courses: Sequence[Course], session: Session, dtype: str, *, ask_missing: bool) -> bool:
    """Go through all rounds; false where an answer is missing and is not to be asked for."""
    loaded: list[Any] = []
    while waiting := [course for course in courses if course.questions]:
        requests = {id(course): _requests(course, session, dtype) for course in waiting}
        missing = {
            request_key(request): request
            for of_course in requests.values()
            for request in of_course
            if not session.store.get(request)
        }
        if missing and not ask_missing:
            return False
        if missing:
            session.store.missing({"a question in turn": next(iter(missing.values()))})
            answer(session, dtype, list(missing.values()), loaded)
        for course in waiting:
            course.answer([_kept(session, request) for request in requests[id(course)]])
    return True


def _requests(course: Course, session: Session, dtype: str) -> list[Request]:
    bodies = [question.body for question in course.questions]
    return session.settings.requests(ASK, bodies, dtype)


def _kept(session: Session, request: Request) -> Entry:
    entry = session.store.get(request)
    if entry is None:
        raise StudyError(f"{session.store.folder}: answers were lost meanwhile; run again")
    return entry


def _row(ask: InTurn, course: Course) -> dict[str, Any]:
    """A row of table RESPONSES; its counts are those of all the user's questions."""
    first, *others = course.entries
    usages = [entry.usage or {} for entry in course.entries]
    outcome = course.outcome
    assert outcome is not None  # the course is at its end
    return {
        **row_of(ask, course.user, outcome),
        "request_key": first.key,
        "served_model": first.served_model,
        "prompt_tokens": sum(usage.get("prompt_tokens", 0) for usage in usages),
        "completion_tokens": sum(usage.get("completion_tokens", 0) for usage in usages),
        "latency_s": sum(entry.latency_s or 0.0 for entry in course.entries),
        "reference_keys": [entry.key for entry in others] or None,
    }
