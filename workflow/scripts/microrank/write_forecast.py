"""What asking for the answers that are missing would take, as a page."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from microrank.encoders.planned_requests import planned_embeddings
from microrank.llm.planned_requests import planned_questions
from microrank.llm.prompts import Prompt
from microrank.methods import without_prior
from microrank.services.budget import Budget
from microrank.services.forecast_page import forecast_page
from microrank.services.store import Store


class AskedAbout(NamedTuple):
    """Users, and the methods that are asked about them.

    users: table SUBSET. methods: names of rerankers. suffix: ends the methods' names on the page.
    subtracts: false where nothing is subtracted from scores (`methods.without_prior`).
    """

    users: pa.Table
    methods: Sequence[str]
    suffix: str = ""
    subtracts: bool = True


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
    for users, methods, suffix, subtracts in groups:
        plans += planned_questions(
            config if subtracts else _subtracting_nothing(config),
            methods,
            users,
            catalogue,
            prompts.__getitem__,
            suffix=suffix,
        )
        plans += planned_embeddings(config, methods, users, catalogue, suffix=suffix)
    budget = Budget.from_config(config["budget"], store)
    return forecast_page(plans, store, budget, config["dataset"])


def _subtracting_nothing(config: Mapping[str, Any]) -> Mapping[str, Any]:
    rerankers = config["rerankers"]
    return {**config, "rerankers": {name: without_prior(of) for name, of in rerankers.items()}}
