"""How one service is asked.

Nothing in here shapes an answer, so nothing in here is part of a request's key.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self
from urllib.parse import urlsplit

from microrank.errors import StudyError
from microrank.services.price import Price
from microrank.services.usage import Usage

DIRECT, BATCH = "direct", "batch"  # modes of asking


@dataclass(frozen=True)
class Service:
    """An endpoint's address, its token's variable, its rate limits and its price."""

    name: str  # the config key, for messages: "llms.llama3"
    base_url: str
    token_env: str | None = None
    concurrency: int = 4
    timeout_s: float = 120.0
    max_tries: int = 6
    max_wait_s: float = 600.0
    first_wait_s: float = 1.0
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    price: Price | None = None
    mode: str = DIRECT  # or batch: in files, which are answered within `completion_window`
    completion_window: str = "24h"
    batch_lines: int = 50_000  # of one file
    batch_bytes: int = 100_000_000

    @classmethod
    def from_config(
        cls, name: str, section: Mapping[str, Any], base_url: str | None = None
    ) -> Self:
        """Pick the keys of a config's entry that say how to ask.

        Args:
            name: the entry's key in the config, for messages.
            section: the entry of `llms` or `encoders`.
            base_url: replaces the entry's `base_url`.
        """
        known = {field.name for field in fields(cls)} - {"name", "base_url", "price"}
        price = section.get("price")
        return cls(
            name=name,
            base_url=(base_url or section["base_url"]).rstrip("/"),
            price=Price(**price) if price else None,
            **{key: value for key, value in section.items() if key in known},
        )

    def token(self, why: str) -> str | None:
        """The token from the environment, or None where the entry names no variable.

        Args:
            why: what the token is needed for, for the error.

        Raises:
            StudyError: the variable is not set, or what it holds cannot be a token. The message
                never shows the value.
        """
        if self.token_env is None:
            return None
        token = os.environ.get(self.token_env, "").strip()
        if not token:
            raise StudyError(
                f"{self.name}: {why}, and the variable {self.token_env} is not set: "
                f"export {self.token_env}=... and run again"
            )
        if not token.isascii() or not token.isprintable() or " " in token:
            raise StudyError(
                f"{self.name}: what {self.token_env} holds cannot be a token "
                "(spaces, line breaks or other signs in it); set it anew"
            )
        return token

    def cost_usd(self, usage: Usage) -> float | None:
        """US dollars for an answer's tokens as the service is asked; None without a price."""
        if self.price is None:
            return None
        price = self.price.in_batch if self.mode == BATCH else self.price
        return price.dollars(
            usage.prompt_tokens or 0, usage.completion_tokens or 0, usage.cached_tokens or 0
        )

    @property
    def in_batches(self) -> Self:
        """The same service, asked in batches."""
        return replace(self, mode=BATCH)

    @property
    def window_s(self) -> float:
        """Seconds within which the service is to answer a batch."""
        unit_s = 86_400 if self.completion_window.endswith("d") else 3600
        return float(self.completion_window[:-1]) * unit_s

    @property
    def is_local(self) -> bool:
        """Whether the address is this machine's own."""
        host = urlsplit(self.base_url).hostname or ""
        return host in {"localhost", "::1"} or host.startswith("127.")
