"""All texts that the configured methods would have embedded by services, for the forecast."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from microrank.encoders.embed import embed_titles
from microrank.services.embeddings import EmbeddingSettings, base_url_of, batch_size_of
from microrank.services.forecast import Plan
from microrank.services.settings import Service


def planned_embeddings(
    config: Mapping[str, Any],
    methods: Sequence[str],
    subset: pa.Table,
    catalogue: pa.Table,
    *,
    suffix: str = "",
) -> list[Plan]:
    """One plan for each encoder behind a service that these rerankers need; `suffix` ends its name."""
    used = dict.fromkeys(
        encoder for method in methods if (encoder := config["rerankers"][method].get("encoder"))
    )
    sections = {name: config["encoders"][name] for name in used}
    plans = []
    for name, section in sections.items():
        if section["adapter"] == "local":
            continue
        texts: list[str] = []

        def note(asked: Sequence[str], texts: list[str] = texts) -> np.ndarray:
            texts.extend(asked)
            return np.ones((len(asked), 2), np.float32)

        embed_titles(subset, catalogue, section, note)
        settings = EmbeddingSettings.from_config(section)
        service = Service.from_config(f"encoders.{name}", section, base_url_of(section))
        plans.append(
            Plan(
                f"embeddings of {name}{suffix}",
                service,
                section["model"],
                [settings.request(text) for text in texts],
                batch_size_of(section),
            )
        )
    return plans
