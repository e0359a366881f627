"""All questions that the configured methods would ask, for the forecast."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from microrank.llm.prompts import Prompt
from microrank.llm.query import chat_settings
from microrank.llm.query_logprobs import user_questions
from microrank.llm.questions import questions
from microrank.llm.service_asks import SERVICE_ASKS
from microrank.local_llm.asks import ask_of
from microrank.local_llm.planned_requests import planned_locally
from microrank.services.adapters import IN_PROCESS
from microrank.services.planned_requests import PlannedRequests
from microrank.services.settings import Service
from microrank.services.store import Request


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
    asked = list(_requests(config, method, subset, catalogue, prompt))
    users, requests = zip(*asked, strict=True) if asked else ((), ())
    return PlannedRequests(method, service, section["model"], requests, users=users)


def _requests(
    config: Mapping[str, Any], method: str, subset: pa.Table, catalogue: pa.Table, prompt: Prompt
) -> Iterator[tuple[int, Request]]:
    """User and request of all that a service is asked, in text or for log-probabilities."""
    reranker = config["rerankers"][method]
    settings = chat_settings(config["llms"][reranker["llm"]], config["seed"])
    shown = {
        "seed": config["seed"],
        "passes": reranker.get("passes", 1),
        "shuffle": reranker.get("shuffle", False),
    }
    ask = ask_of(method, reranker, prompt, None)
    if ask.name not in SERVICE_ASKS:
        for question in questions(subset, catalogue, prompt, settings, **shown):
            yield question.user_id, question.request
        return
    for user in user_questions(subset.sort_by("user_id"), catalogue, ask, settings, **shown):
        for _, request in user.named():
            yield user.asked.user_id, request
