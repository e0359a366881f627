"""What asking for the answers that are missing would take, as a page."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from microrank.encoders.planned_requests import planned_embeddings
from microrank.llm.planned_requests import planned_questions
from microrank.llm.prompts import Prompt
from microrank.services.budget import Budget
from microrank.services.forecast_page import forecast_page
from microrank.services.store import Store


class AskedAbout(NamedTuple):
    """Users, and the methods that are asked about them.

    users: table SUBSET. methods: names of rerankers. suffix: ends the methods' names on the page.
    """

    users: pa.Table
    methods: Sequence[str]
    suffix: str = ""


def write_forecast(
    config: Mapping[str, Any],
    groups: Sequence[AskedAbout],
    catalogue: pa.Table,
    prompts: Mapping[str, Prompt],
    store: Store,
) -> str:
    """Forecast tokens, dollars and time of all missing answers, in Markdown. Nobody is asked.

    Args:
        config: the study's configuration.
        groups: who is asked about.
        catalogue: table ITEMS, for the titles.
        prompts: name → prompt.
        store: the answers that are kept.
    """
    plans = []
    for users, methods, suffix in groups:
        plans += planned_questions(
            config, methods, users, catalogue, prompts.__getitem__, suffix=suffix
        )
        plans += planned_embeddings(config, methods, users, catalogue, suffix=suffix)
    budget = Budget.from_config(config["budget"], store)
    return forecast_page(plans, store, budget, config["dataset"])
