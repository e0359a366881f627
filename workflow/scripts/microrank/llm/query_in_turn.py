"""Ask a language model behind a service in turn: each question by the answers before it."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pyarrow as pa

from microrank import tables
from microrank.llm.query import told_by
from microrank.llm.query_logprobs import counts_of
from microrank.llm.reading.label import read_label
from microrank.local_llm.asked_users import asked_users
from microrank.local_llm.in_turn import Compared, InTurn, Sorted, row_of
from microrank.local_llm.requests import Asked
from microrank.services.answers import completion_of
from microrank.services.chat_settings import ChatSettings
from microrank.services.in_turn import Course, ask_in_turn
from microrank.services.settings import Service
from microrank.services.store import Entry, Request, Store
from microrank.shards import Shard

WHOLE = Shard()
Played = tuple[Sorted, list[Entry]]


def query_in_turn(
    subset: pa.Table,
    catalogue: pa.Table,
    ask: InTurn,
    settings: ChatSettings,
    store: Store,
    *,
    service: Service,
    seed: int,
    passes: int = 1,
    shuffle: bool = False,
    budget: Mapping[str, Any] | None = None,
    shard: Shard = WHOLE,
) -> pa.Table:
    """Sort every user's candidates by written answers, each of which names a label.

    `passes` are sorts of a user; all other arguments are as of `query_logprobs`.

    Returns:
        Table RESPONSES, sorted by user and pass.

    Raises:
        StudyError: Some questions have no answer; all others are kept in the store by then.
    """
    rows = shard.of(subset.num_rows)
    users = subset.sort_by("user_id").slice(rows.start, rows.stop - rows.start)
    asked = list(asked_users(users, catalogue, ask, seed=seed, passes=passes, shuffle=shuffle))
    courses = {_name(user): partial(course, ask, user, settings) for user in asked}
    played = ask_in_turn(courses, service, store, budget)
    answers = [_row(ask, user, *played[_name(user)]) for user in asked]
    return pa.Table.from_pylist(answers, schema=tables.RESPONSES)


def course(ask: InTurn, user: Asked, settings: ChatSettings) -> Course[Played]:
    """A user's questions as requests to a service."""
    turns, entries = ask.turns(user), list[Entry]()
    try:
        questions = next(turns)
        while True:
            own = yield [request_of(settings, question, user) for question in questions]
            entries += own
            questions = turns.send([labels_of(*pair) for pair in zip(questions, own, strict=True)])
    except StopIteration as stop:
        return stop.value, entries


def request_of(settings: ChatSettings, question: Compared, user: Asked) -> Request:
    """The request of one question."""
    return settings.request(question.body["messages"], user.pass_number)


def labels_of(question: Compared, entry: Entry) -> dict[str, Any]:
    """The label that an answer names, as log-probabilities would say it."""
    label = read_label(completion_of(entry.request, entry.body).text, question.body["n_labels"])
    return {"labels": {} if label is None else {label: 0.0}}


def _name(user: Asked) -> str:
    return f"user {user.user_id}, pass {user.pass_number}"


def _row(ask: InTurn, user: Asked, outcome: Sorted, entries: Sequence[Entry]) -> dict[str, Any]:
    """A row of table RESPONSES; its counts are those of all the user's questions."""
    first, *others = entries
    return {
        **row_of(ask, user, outcome),
        "request_key": first.key,
        "served_model": first.served_model,
        **counts_of(entries),
        **told_by(entries),
        "reference_keys": [entry.key for entry in others] or None,
    }
