"""How texts become vectors: on this machine or by a service, as an entry of `encoders` says."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from microrank.encoders.embed_titles import Embedder
from microrank.encoders.local import embed_locally
from microrank.services.embeddings import embed_texts
from microrank.services.store import Store


def embedder_of(name: str, config: Mapping[str, Any], threads: int) -> Embedder:
    """The embedder of one encoder.

    Args:
        name: the encoder's key in the config.
        config: the study's configuration; its `store` and `budget` are for services.
        threads: processors that an encoder on this machine may use.
    """
    section = config["encoders"][name]

    def on_this_machine(texts: Sequence[str]) -> np.ndarray:
        return embed_locally(texts, section["model"], section.get("pooling"), threads=threads)

    def by_service(texts: Sequence[str]) -> np.ndarray:
        store = Store(config["store"]["path"], offline=config["store"]["offline"])
        key = f"encoders.{name}"
        return embed_texts(texts, section, store, name=key, budget=config["budget"])

    return on_this_machine if section["adapter"] == "local" else by_service
