"""Ask a language model in this process about each user's candidates."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from microrank import tables
from microrank.errors import StudyError
from microrank.local_llm.answering import answer, dtype_to_ask
from microrank.local_llm.asked_users import asked_users
from microrank.local_llm.in_turn import InTurn
from microrank.local_llm.query_in_turn import query_in_turn
from microrank.local_llm.requests import Ask, Asked
from microrank.local_llm.session import Session
from microrank.services.completion import read_completion
from microrank.services.store import Entry, Request, Store, request_key
from microrank.shards import Shard

WHOLE = Shard()


def query_local_llm(
    subset: pa.Table,
    catalogue: pa.Table,
    ask: Ask | InTurn,
    session: Session,
    *,
    seed: int,
    passes: int = 1,
    shuffle: bool = False,
    shard: Shard = WHOLE,
) -> pa.Table:
    """Answers about every user. Kept ones are taken from the store, without the model.

    Args:
        subset: table SUBSET; its ground truth is not looked at.
        catalogue: table ITEMS, for the titles.
        ask: the way of asking.
        session: the model. With dtype `auto`, kept answers in any dtype count, if all are kept.
        seed: the study's seed, for the orders in which candidates are shown.
        passes: questions a user, where a list is shown.
        shuffle: whether pass 0 shows a shuffle, too, rather than the recommender's order.
        shard: which run of users by id to ask about. The shards' tables, one after the other, are
            the whole table.

    Returns:
        Table RESPONSES, sorted by user and pass.

    Raises:
        StudyError: answers are missing and cannot be had; those that came are kept.
    """
    rows = shard.of(subset.num_rows)
    users = subset.sort_by("user_id").slice(rows.start, rows.stop - rows.start)
    asked = list(asked_users(users, catalogue, ask, seed=seed, passes=passes, shuffle=shuffle))
    if isinstance(ask, InTurn):
        return query_in_turn(asked, ask, session)
    bodies = [ask.bodies(user) for user in asked]
    flat = [body for of_user in bodies for body in of_user]
    kept = iter(kept_or_asked(ask.name, flat, session))
    entries = [[next(kept) for _ in of_user] for of_user in bodies]
    return pa.Table.from_pylist(
        [_row(ask, user, of_user) for user, of_user in zip(asked, entries, strict=True)],
        schema=tables.RESPONSES,
    )


def kept_or_asked(ask: str, bodies: Sequence[Mapping[str, Any]], session: Session) -> list[Entry]:
    """The kept answers to all bodies, in their order; missing ones are asked for first."""
    for dtype in session.dtypes:
        kept = _kept(session.settings.requests(ask, bodies, dtype), session.store)
        if all(kept):
            return [entry for entry in kept if entry]
    dtype = session.dtypes[0] if session.store.offline else dtype_to_ask(session)
    requests = session.settings.requests(ask, bodies, dtype)
    missing = {
        request_key(request): request
        for request, entry in zip(requests, _kept(requests, session.store), strict=True)
        if entry is None
    }
    session.store.missing({f"a question by {ask}": request for request in missing.values()})
    answer(session, dtype, list(missing.values()))
    kept = _kept(requests, session.store)
    if not all(kept):
        raise StudyError(f"{session.store.folder}: answers were lost meanwhile; run again")
    return [entry for entry in kept if entry]


def _kept(requests: Sequence[Request], store: Store) -> list[Entry | None]:
    """The kept answers; None for those that are missing. Equal requests are looked up once."""
    entries: dict[str, Entry | None] = {}
    keys = [request_key(request) for request in requests]
    for key, request in zip(keys, requests, strict=True):
        if key not in entries:
            entries[key] = store.get(request)
    return [entries[key] for key in keys]


def _row(ask: Ask, asked: Asked, entries: Sequence[Entry]) -> dict[str, Any]:
    """A row of table RESPONSES; its key and counts are those of the question itself."""
    entry = entries[0]
    answers = [json.loads(entry.body) for entry in entries]
    scores = ask.scores(asked, answers)
    completion = read_completion(entry.body) if scores is None else None
    usage = entry.usage or {}
    return {
        "user_id": asked.user_id,
        "pass": asked.pass_number,
        "order": asked.order,
        "request_key": entry.key,
        "text": completion.text if completion else "",
        "finish_reason": completion.finish_reason if completion else "stop",
        "served_model": entry.served_model,
        "prompt_tokens": usage.get("prompt_tokens"),
        "completion_tokens": usage.get("completion_tokens"),
        "latency_s": entry.latency_s,
        "kind": ask.kind,
        "scores": scores,
        "reference_keys": [reference.key for reference in entries[1:]] or None,
    }
