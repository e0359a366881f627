"""All questions that the configured methods would ask, for the forecast."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from microrank.llm.prompts import Prompt
from microrank.llm.query import chat_settings, questions
from microrank.services.planned_requests import PlannedRequests
from microrank.services.settings import Service


def planned_questions(
    config: Mapping[str, Any],
    methods: Sequence[str],
    subset: pa.Table,
    catalogue: pa.Table,
    prompt_of: Callable[[str], Prompt],
    *,
    suffix: str = "",
) -> list[PlannedRequests]:
    """One plan for each of these rerankers that asks a language model, its name ending in `suffix`; `prompt_of` gives a prompt by name."""
    plans = []
    for method in methods:
        reranker = config["rerankers"][method]
        if "llm" not in reranker:
            continue
        section = config["llms"][reranker["llm"]]
        asked = questions(
            subset,
            catalogue,
            prompt_of(reranker["prompt"]),
            chat_settings(section, config["seed"]),
            seed=config["seed"],
            passes=reranker.get("passes", 1),
            shuffle=reranker.get("shuffle", False),
        )
        service = Service.from_config(
            f"llms.{reranker['llm']}", section, section.get("base_url", section["adapter"])
        )
        plans.append(
            PlannedRequests(
                method + suffix,
                service,
                section["model"],
                [request for *_, request in asked.values()],
            )
        )
    return plans
