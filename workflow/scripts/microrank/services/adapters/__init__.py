"""The kinds of services that are asked: `adapter` of an entry of `llms`.

To add one, write a module beside `openai_chat.py`, and name it in ADAPTERS and in the schema of
the config.
"""

from collections.abc import Mapping
from typing import Any

from microrank.services.adapters.adapter import Adapter
from microrank.services.adapters.openai_chat import OPENAI_CHAT
from microrank.services.adapters.rerank import COHERE_RERANK, TEI_RERANK
from microrank.services.adapters.simulated import SIMULATED

LOCAL, CROSS_ENCODER = "local", "cross-encoder"  # no services: models in this process
IN_PROCESS = frozenset({LOCAL, CROSS_ENCODER})
ADAPTERS: dict[str, Adapter] = {
    "openai-chat": OPENAI_CHAT,
    "cohere-rerank": COHERE_RERANK,
    "tei-rerank": TEI_RERANK,
    "simulated": SIMULATED,
}
SIMULATING = frozenset(name for name, adapter in ADAPTERS.items() if adapter.is_simulated)
FREE = IN_PROCESS | SIMULATING  # nobody is paid for these
# A query and a document go in, a score comes out; no language is written.
CROSS_ENCODERS = frozenset({CROSS_ENCODER, *(name for name, of in ADAPTERS.items() if of.rank)})


def adapter_of(request: Mapping[str, Any]) -> Adapter:
    """The adapter of a request to a chat service."""
    return ADAPTERS[request["adapter"]]


def is_simulated(name: str) -> bool:
    """Whether no model answers an entry of `llms` with this `adapter`."""
    return name in SIMULATING
