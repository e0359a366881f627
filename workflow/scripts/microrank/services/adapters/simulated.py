"""The server that the workflow starts itself, for synthetic data; no model answers."""

from dataclasses import replace

from microrank.services.adapters.openai_chat import OPENAI_CHAT

SIMULATED = replace(OPENAI_CHAT, first_token=None, prompt=None, is_simulated=True)
