"""All questions that the configured methods would ask, for the forecast."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from microrank.llm.prompts import Prompt
from microrank.llm.query import chat_settings
from microrank.llm.query_in_turn import labels_of, request_of
from microrank.llm.query_logprobs import user_questions
from microrank.llm.questions import questions
from microrank.local_llm.asked_users import asked_users
from microrank.local_llm.asks import ask_of
from microrank.local_llm.in_turn import InTurn
from microrank.local_llm.planned_in_turn import HowAsked, planned_in_turn
from microrank.local_llm.planned_requests import planned_locally
from microrank.local_llm.requests import Ask
from microrank.local_llm.written import Written
from microrank.services.adapters import IN_PROCESS
from microrank.services.kept import kept_answer
from microrank.services.planned_requests import PlannedRequests
from microrank.services.settings import Service
from microrank.services.store import Request, Store


def planned_questions(
    config: Mapping[str, Any],
    methods: Sequence[str],
    subset: pa.Table,
    catalogue: pa.Table,
    prompt_of: Callable[[str], Prompt],
    *,
    suffix: str = "",
) -> list[PlannedRequests]:
    """One plan for each of the rerankers `methods` that asks a language model.

    Args:
        config: The whole config.
        methods: Names of rerankers.
        subset: Table SUBSET.
        catalogue: Table ITEMS.
        prompt_of: Gives a prompt by its name.
        suffix: What the plans' names end in.
    """
    asking = [method for method in methods if "llm" in config["rerankers"][method]]
    plans = [_plan(config, method, subset, catalogue, prompt_of) for method in asking]
    return [replace(plan, method=plan.method + suffix) for plan in plans]


def _plan(
    config: Mapping[str, Any],
    method: str,
    subset: pa.Table,
    catalogue: pa.Table,
    prompt_of: Callable[[str], Prompt],
) -> PlannedRequests:
    reranker = config["rerankers"][method]
    name = reranker["llm"]
    section = config["llms"][name]
    if section["adapter"] in IN_PROCESS:
        prompt = prompt_of(reranker["prompt"])
        return planned_locally(config, method, subset, catalogue, prompt)
    base_url = section.get("base_url", section["adapter"])
    service = Service.from_config(f"llms.{name}", section, base_url)
    prompt = prompt_of(reranker["prompt"])
    ask = ask_of(method, reranker, prompt, None)
    most = None
    if isinstance(ask, InTurn):
        asked, most = _in_turn(config, reranker, subset, catalogue, ask)
    else:
        asked = list(_requests(config, reranker, subset, catalogue, ask))
    users, requests = zip(*asked, strict=True) if asked else ((), ())
    return PlannedRequests(method, service, section["model"], requests, most=most, users=users)


def _in_turn(
    config: Mapping[str, Any],
    reranker: Mapping[str, Any],
    subset: pa.Table,
    catalogue: pa.Table,
    ask: InTurn,
) -> tuple[list[tuple[int, Request]], int]:
    """User and request of the questions that may be expected, and the most questions."""
    settings = chat_settings(config["llms"][reranker["llm"]], config["seed"])
    store = Store(config["store"]["path"])
    how = HowAsked(
        request=lambda question, user: request_of(settings, question, user),
        labels=labels_of,
        kept=lambda request: kept_answer(store, request),
    )
    users = list(asked_users(subset.sort_by("user_id"), catalogue, ask, **_shown(config, reranker)))
    most = sum(ask.most_questions(len(user.order)) for user in users)
    return planned_in_turn(ask, users, how), most


def _shown(config: Mapping[str, Any], reranker: Mapping[str, Any]) -> dict[str, Any]:
    """How candidates are shown."""
    return {
        "seed": config["seed"],
        "passes": reranker.get("passes", 1),
        "shuffle": reranker.get("shuffle", False),
    }


def _requests(
    config: Mapping[str, Any],
    reranker: Mapping[str, Any],
    subset: pa.Table,
    catalogue: pa.Table,
    ask: Ask,
) -> Iterator[tuple[int, Request]]:
    """User and request of all that a service is asked, in text or for log-probabilities."""
    settings = chat_settings(config["llms"][reranker["llm"]], config["seed"])
    shown = _shown(config, reranker)
    if isinstance(ask, Written):
        for question in questions(subset, catalogue, ask.prompt, settings, **shown):
            yield question.user_id, question.request
        return
    for user in user_questions(subset.sort_by("user_id"), catalogue, ask, settings, **shown):
        for _, request in user.named():
            yield user.asked.user_id, request
