"""Settings and counts as a line of a log shows them."""

from collections.abc import Mapping
from typing import Any


def in_words(settings: Mapping[str, Any]) -> str:
    """Text such as `dimension 64, refit true`; what has parts of its own is left out."""
    parts = ((key, value) for key, value in settings.items() if not isinstance(value, Mapping))
    return ", ".join(f"{key} {_value(value)}" for key, value in parts)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)
