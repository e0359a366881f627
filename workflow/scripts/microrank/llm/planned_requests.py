"""All questions that the configured methods would ask, for the forecast."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from microrank.llm.prompts import Prompt
from microrank.llm.query import chat_settings
from microrank.llm.questions import questions
from microrank.services.forecast import Plan
from microrank.services.settings import Service


def planned_questions(
    config: Mapping[str, Any],
    methods: Sequence[str],
    subset: pa.Table,
    catalogue: pa.Table,
    prompt_of: Callable[[str], Prompt],
    *,
    suffix: str = "",
) -> list[Plan]:
    """One plan for each of the rerankers `methods` that asks a language model.

    Args:
        config: The whole config.
        methods: Names of rerankers.
        subset: Table SUBSET.
        catalogue: Table ITEMS.
        prompt_of: Gives a prompt by its name.
        suffix: What the plans' names end in.
    """
    return [
        _plan(config, method, subset, catalogue, prompt_of, suffix)
        for method in methods
        if "llm" in config["rerankers"][method]
    ]


def _plan(
    config: Mapping[str, Any],
    method: str,
    subset: pa.Table,
    catalogue: pa.Table,
    prompt_of: Callable[[str], Prompt],
    suffix: str,
) -> Plan:
    reranker = config["rerankers"][method]
    name = reranker["llm"]
    section = config["llms"][name]
    asked = questions(
        subset,
        catalogue,
        prompt_of(reranker["prompt"]),
        chat_settings(section, config["seed"]),
        seed=config["seed"],
        passes=reranker.get("passes", 1),
        shuffle=reranker.get("shuffle", False),
    )
    base_url = section.get("base_url", section["adapter"])
    service = Service.from_config(f"llms.{name}", section, base_url)
    requests = [question.request for question in asked]
    return Plan(method + suffix, service, section["model"], requests)
