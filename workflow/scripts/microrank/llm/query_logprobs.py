"""Ask a language model behind a service for log-probabilities about each user's candidates."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from microrank import tables
from microrank.llm.query import told_by
from microrank.llm.service_asks import SERVICE_ASKS
from microrank.local_llm.asked_users import asked_users
from microrank.local_llm.requests import Ask, Asked
from microrank.services.answers import completion_of
from microrank.services.chat import ask_chat
from microrank.services.chat_settings import ChatSettings
from microrank.services.settings import Service
from microrank.services.store import Entry, Request, Store
from microrank.shards import Shard

WHOLE = Shard()


@dataclass(frozen=True)
class UserQuestions:
    """All requests about one user as one pass shows them.

    Attributes:
        asked: The user.
        bodies: What the way of asking asks; the first is the question itself.
        requests: [n_bodies][n_requests] of each body.
    """

    asked: Asked
    bodies: list[dict[str, Any]]
    requests: list[list[Request]]

    def named(self) -> Iterator[tuple[tuple[int, int, int, int], Request]]:
        """Each request, by user, pass, body and number."""
        for place, of_body in enumerate(self.requests):
            for number, request in enumerate(of_body):
                yield (self.asked.user_id, self.asked.pass_number, place, number), request


def user_questions(
    users: pa.Table,
    catalogue: pa.Table,
    ask: Ask,
    settings: ChatSettings,
    *,
    seed: int,
    passes: int,
    shuffle: bool,
) -> list[UserQuestions]:
    """Every user's requests; see `asked_users` for the arguments."""
    requests_of, questions = SERVICE_ASKS[ask.name].requests, []
    for user in asked_users(users, catalogue, ask, seed=seed, passes=passes, shuffle=shuffle):
        bodies = ask.bodies(user)
        requests = [requests_of(settings, body, user.pass_number) for body in bodies]
        questions.append(UserQuestions(user, bodies, requests))
    return questions


def query_logprobs(
    subset: pa.Table,
    catalogue: pa.Table,
    ask: Ask,
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
    """Log-probabilities about every user's candidates.

    Args:
        subset: Table SUBSET; its ground truth is not looked at.
        catalogue: Table ITEMS, for the titles.
        ask: The way of asking.
        settings: The model and everything else that shapes its answers.
        store: Where answers are kept; what it holds is not asked again.
        service: How to reach the model; it does not shape answers.
        seed: The study's seed, for the orders in which candidates are shown.
        passes: Questions per user, where a list is shown.
        shuffle: Whether pass 0 shows a shuffle, too, rather than the recommender's order.
        budget: The config's `budget`.
        shard: Which run of users by id to ask about.

    Returns:
        Table RESPONSES, sorted by user and pass.

    Raises:
        StudyError: Some questions have no answer; all others are kept in the store by then.
    """
    rows = shard.of(subset.num_rows)
    users = subset.sort_by("user_id").slice(rows.start, rows.stop - rows.start)
    asked = user_questions(
        users, catalogue, ask, settings, seed=seed, passes=passes, shuffle=shuffle
    )
    requests = dict(named for question in asked for named in question.named())
    entries = ask_chat(requests, service, store, budget)
    answers = [_row(ask, question, entries) for question in asked]
    return pa.Table.from_pylist(answers, schema=tables.RESPONSES)


def _row(
    ask: Ask, question: UserQuestions, entries: Mapping[tuple[int, int, int, int], Entry]
) -> dict[str, Any]:
    """A row of table RESPONSES; its counts are those of the question itself, not of a prior."""
    user = question.asked
    by_body: list[list[Entry]] = [[] for _ in question.bodies]
    for name, _ in question.named():
        by_body[name[2]].append(entries[name])
    answer = SERVICE_ASKS[ask.name].answer
    answers = [answer(body, own) for body, own in zip(question.bodies, by_body, strict=True)]
    first, *others = [entry for own in by_body for entry in own]
    return {
        "user_id": user.user_id,
        "pass": user.pass_number,
        "order": user.order,
        "request_key": first.key,
        "text": "",
        "finish_reason": "stop",
        "served_model": first.served_model,
        **counts_of(by_body[0]),
        **told_by(by_body[0]),
        "kind": ask.kind,
        "scores": ask.scores(user, answers),
        "reference_keys": [entry.key for entry in others] or None,
    }


def counts_of(entries: Sequence[Entry]) -> dict[str, Any]:
    """Tokens and seconds of these answers together; None where a server does not say."""
    read = [completion_of(entry.request, entry.body) for entry in entries]
    return {
        "prompt_tokens": _total([answer.prompt_tokens for answer in read]),
        "completion_tokens": _total([answer.completion_tokens for answer in read]),
        "cached_tokens": _total([answer.usage.cached_tokens for answer in read]),
        "reasoning_tokens": _total([answer.usage.reasoning_tokens for answer in read]),
        "latency_s": _total([entry.latency_s for entry in entries]),
    }


def _total(values: Sequence[Any]) -> Any:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
