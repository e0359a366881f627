"""Which values the wildcards of rules may take, as regular expressions."""

import re
from collections.abc import Iterable, Mapping
from typing import Any


def any_of(names: Iterable[str]) -> str:
    """A pattern of exactly these names; of nothing, if there are none."""
    return "|".join(map(re.escape, names)) or "(?!)"


def rerankers_with(config: Mapping[str, Any], key: str) -> str:
    """A pattern of the rerankers whose settings have this key."""
    return any_of(name for name, reranker in config["rerankers"].items() if key in reranker)


def recommenders_with(config: Mapping[str, Any], *keys: str) -> str:
    """A pattern of the recommenders whose settings have one of these keys."""
    settings = config["recommender_settings"].items()
    return any_of(name for name, entry in settings if set(keys) & set(entry))


def rerankers_asking(config: Mapping[str, Any], *adapters: str) -> str:
    """A pattern of the rerankers that ask a language model by one of these adapters."""
    return any_of(
        name
        for name, reranker in config["rerankers"].items()
        if "llm" in reranker and config["llms"][reranker["llm"]]["adapter"] in adapters
    )
