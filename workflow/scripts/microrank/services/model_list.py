"""What a server's own list of models says of one of them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from microrank.services.client import Client
from microrank.services.connection import BROKEN
from microrank.services.failures import Malformed
from microrank.services.preflight import Finding

CHECK = "in the server's list of models"
LATEST = ":latest"  # Ollama's name for what is asked for without a tag
NAMES_SHOWN = 5


def listed_model(client: Client, model: str) -> list[Finding]:
    """Whether the server lists the model; by whom it is served, and at what price, where it says.

    Args:
        client: asks the server.
        model: as the config names it.
    """
    entries = _entries(client)
    if not entries:
        return [Finding(CHECK, "unknown: it gives no list")]
    name, _, provider = model.partition(":")
    entry = entries.get(model.removesuffix(LATEST)) or _with_providers(entries.get(name))
    if entry is None:
        return [Finding(CHECK, f"no; it has {', '.join(sorted(entries)[:NAMES_SHOWN])}")]
    findings = [Finding(CHECK, "yes")]
    if (offers := _offers(entry)) is not None:
        offered = "; ".join(map(_words, offers)) or "none"
        findings += [Finding("providers", offered), *_pinned(name, provider, offers)]
    return findings


def _entries(client: Client) -> dict[str, Mapping[str, Any]]:
    """Name → entry of the server's list; empty where there is none."""
    try:
        reply = client.connection.send("GET", f"{client.service.base_url}/models")
        entries = json.loads(reply.body)["data"] if reply.status == 200 else []
        return {str(entry["id"]).removesuffix(LATEST): entry for entry in entries or []}
    except (*BROKEN, Malformed, ValueError, KeyError, TypeError):
        return {}


def _with_providers(entry: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    return entry if entry is not None and _offers(entry) is not None else None


def _offers(entry: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    providers = entry.get("providers")
    if not isinstance(providers, list):
        return None
    return [provider for provider in providers if isinstance(provider, dict)]


def _pinned(name: str, provider: str, offers: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Whether the config names a provider, and one that serves the model."""
    known = sorted({str(offer.get("provider")) for offer in offers})
    if not provider:
        to_do = f"the default may change between runs: `model: {name}:PROVIDER`"
        return [Finding("provider pinned", "no", to_do)]
    if provider not in known:
        to_do = f"{provider} does not serve it; choose of {', '.join(known)}"
        return [Finding("provider pinned", provider, to_do)]
    return []


def _words(offer: Mapping[str, Any]) -> str:
    price = offer.get("pricing")
    name = str(offer.get("provider"))
    if not isinstance(price, dict):
        return name
    return f"{name} {price.get('input', '?')}/{price.get('output', '?')} USD a million tokens"
