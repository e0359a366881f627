"""All texts that the configured methods would have embedded by services, for the forecast."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from microrank.encoders.embed_titles import embed_titles
from microrank.services.embedding_settings import EmbeddingSettings, base_url_of, batch_size_of
from microrank.services.planned_requests import PlannedRequests
from microrank.services.settings import Service


def planned_embeddings(
    config: Mapping[str, Any],
    methods: Sequence[str],
    subset: pa.Table,
    catalogue: pa.Table,
    *,
    suffix: str = "",
) -> list[PlannedRequests]:
    """The requests of each encoder behind a service that these rerankers need.

    Args:
        config: the study's configuration.
        methods: names of rerankers.
        subset: table SUBSET.
        catalogue: table ITEMS.
        suffix: ends the names of the plans.
    """
    used = dict.fromkeys(
        encoder for method in methods if (encoder := config["rerankers"][method].get("encoder"))
    )
    return [
        _planned(name, config["encoders"][name], subset, catalogue, suffix)
        for name in used
        if config["encoders"][name]["adapter"] != "local"
    ]


def _planned(
    name: str, section: Mapping[str, Any], subset: pa.Table, catalogue: pa.Table, suffix: str
) -> PlannedRequests:
    texts: list[str] = []

    def note(asked: Sequence[str]) -> np.ndarray:
        texts.extend(asked)
        return np.ones((len(asked), 2), np.float32)

    embed_titles(subset, catalogue, section, note)
    settings = EmbeddingSettings.from_config(section)
    return PlannedRequests(
        f"embeddings of {name}{suffix}",
        Service.from_config(f"encoders.{name}", section, base_url_of(section)),
        section["model"],
        [settings.request(text) for text in texts],
        batch_size_of(section),
    )
