"""The questions that a re-ranking by a model in this process would ask, for the forecast."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from microrank.llm.prompts import Prompt
from microrank.local_llm.asked_users import asked_users
from microrank.local_llm.asks import ask_of
from microrank.local_llm.in_turn import ASK, InTurn
from microrank.local_llm.planned_in_turn import HowAsked, planned_in_turn
from microrank.local_llm.requests import Asked
from microrank.local_llm.session import Session
from microrank.services.planned_requests import PlannedRequests
from microrank.services.settings import Service
from microrank.services.store import Request, Store


def planned_locally(
    config: Mapping[str, Any], method: str, subset: pa.Table, catalogue: pa.Table, prompt: Prompt
) -> PlannedRequests:
    """The plan of one re-ranker.

    Args:
        config: the whole config.
        method: the re-ranker's name.
        subset: table SUBSET.
        catalogue: table ITEMS.
        prompt: the re-ranker's.
    """
    reranker = config["rerankers"][method]
    name, section = f"llms.{reranker['llm']}", config["llms"][reranker["llm"]]
    session = Session(name, section, Store(config["store"]["path"]))
    ask = ask_of(method, reranker, prompt, section.get("max_tokens"))
    users = asked_users(
        subset.sort_by("user_id"),
        catalogue,
        ask,
        seed=config["seed"],
        passes=reranker.get("passes", 1),
        shuffle=reranker.get("shuffle", False),
    )
    if isinstance(ask, InTurn):
        return _in_turn(method, ask, list(users), session, Service(name, section["adapter"]))
    asked = [(user.user_id, body) for user in users for body in ask.bodies(user)]
    bodies = [body for _, body in asked]
    of_dtype = [session.settings.requests(ask.name, bodies, dtype) for dtype in session.dtypes]
    requests = _most_kept(of_dtype, session.store)
    return PlannedRequests(
        method,
        Service(name, section["adapter"]),
        session.settings.model,
        requests,
        users=[user for user, _ in asked],
    )


def _in_turn(
    method: str, ask: InTurn, users: Sequence[Asked], session: Session, service: Service
) -> PlannedRequests:
    """The plan of a way of asking in turn, in the dtype of which most answers are kept."""
    asked = {
        dtype: planned_in_turn(ask, users, _how_asked(session, dtype)) for dtype in session.dtypes
    }
    of_dtype = [[request for _, request in asked[dtype]] for dtype in session.dtypes]
    requests = _most_kept(of_dtype, session.store)
    owners = [user for user, _ in asked[session.dtypes[of_dtype.index(requests)]]]
    most = sum(ask.most_questions(len(user.order)) for user in users)
    model = session.settings.model
    return PlannedRequests(method, service, model, requests, most=most, users=owners)


def _how_asked(session: Session, dtype: str) -> HowAsked:
    return HowAsked(
        request=lambda question, user: session.settings.requests(ASK, [question.body], dtype)[0],
        labels=lambda question, entry: json.loads(entry.body),
        kept=session.store.get,
    )


def _most_kept(of_dtype: Sequence[list[Request]], store: Store) -> list[Request]:
    """The requests in the dtype of which most answers are kept; of equals the first."""
    return max(of_dtype, key=lambda requests: sum(map(store.has, requests)))
