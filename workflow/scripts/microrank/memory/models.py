"""Which models' memory is probed, and by what."""

from collections.abc import Mapping
from typing import Any

from microrank.methods import Methods, settings_used
from microrank.services.adapters import CROSS_ENCODERS, is_simulated


def models_to_probe(config: Mapping[str, Any], methods: Methods) -> list[str]:
    """The real language models that rows or their parts ask, by their entries of `llms`."""
    llms = settings_used(methods.used, "llm")
    adapters = {name: config["llms"][name]["adapter"] for name in llms}
    return [
        name
        for name, adapter in adapters.items()
        if adapter not in CROSS_ENCODERS and not is_simulated(adapter)
    ]


def asks_likelihoods(methods: Methods, llm: str) -> bool:
    """Whether a row asks this model for the log-probabilities of titles."""
    return any(
        method.settings.get("llm") == llm and method.settings.get("ask") == "likelihood"
        for method in methods.used
    )
