"""What completing titles would take, for the forecast."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from microrank.llm.query import chat_settings
from microrank.local_llm.session import Session
from microrank.memory.models import asks_likelihoods, models_to_probe
from microrank.memory.probe import local_bodies, planned
from microrank.memory.titles import half_titles
from microrank.methods import Methods
from microrank.services.adapters import LOCAL
from microrank.services.planned_requests import PlannedRequests
from microrank.services.settings import Service
from microrank.services.store import Request, Store


def planned_memory(
    config: Mapping[str, Any], subset: pa.Table, catalogue: pa.Table, items: str
) -> list[PlannedRequests]:
    """One plan for each model whose memory is probed; none where `memory.titles` is 0.

    Args:
        config: the whole config.
        subset: table SUBSET.
        catalogue: table ITEMS.
        items: what the data set's items are called.
    """
    n = config["memory"]["titles"]
    if not n:
        return []
    halves = half_titles(subset, catalogue, n, config["seed"])
    methods = Methods.from_config(config)
    plans = []
    for llm in models_to_probe(config, methods):
        section, name = config["llms"][llm], f"llms.{llm}"
        if section["adapter"] == LOCAL:
            session = Session(name, section, Store(config["store"]["path"]))
            requests = _most_kept(session, local_bodies(halves, items))
            plans.append(_plan(llm, Service(name, LOCAL), session.settings.model, requests))
            continue
        settings = chat_settings(section, config["seed"])
        gives = asks_likelihoods(methods, llm)
        asked = planned(halves, settings, items, gives_likelihoods=gives)
        service = Service.from_config(name, section)
        plans.append(
            _plan(
                llm,
                service,
                section["model"],
                [request for of_half in asked for request in of_half],
            )
        )
    return plans


def _plan(llm: str, service: Service, model: str, requests: list[Request]) -> PlannedRequests:
    return PlannedRequests(f"memory of {llm}", service, model, requests)


def _most_kept(session: Session, bodies: Mapping[str, list[dict[str, Any]]]) -> list[Request]:
    """The requests in the dtype of which most answers are kept; of equals the first."""
    of_dtype = [
        [
            request
            for ask, of_ask in bodies.items()
            for request in session.settings.requests(ask, of_ask, dtype)
        ]
        for dtype in session.dtypes
    ]
    return max(of_dtype, key=lambda requests: sum(map(session.store.has, requests)))
