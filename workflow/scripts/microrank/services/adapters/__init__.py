"""The kinds of chat services: `adapter` of an entry of `llms`.

To add one, write a module beside `openai_chat.py`, and name it in ADAPTERS and in the schema of
the config.
"""

from collections.abc import Mapping
from typing import Any

from microrank.services.adapters.adapter import Adapter
from microrank.services.adapters.openai_chat import OPENAI_CHAT
from microrank.services.adapters.simulated import SIMULATED

LOCAL = "local"  # no service: a model in this process
ADAPTERS: dict[str, Adapter] = {"openai-chat": OPENAI_CHAT, "simulated": SIMULATED}
# Nobody is paid for these.
FREE = frozenset({LOCAL, *(name for name, adapter in ADAPTERS.items() if adapter.is_simulated)})


def adapter_of(request: Mapping[str, Any]) -> Adapter:
    """The adapter of a request to a chat service."""
    return ADAPTERS[request["adapter"]]


def is_simulated(name: str) -> bool:
    """Whether no model answers an entry of `llms` with this `adapter`."""
    return name in ADAPTERS and ADAPTERS[name].is_simulated
