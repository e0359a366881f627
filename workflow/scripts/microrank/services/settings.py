"""How one service is asked.

Nothing in here shapes an answer, so nothing in here is part of a request's key.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self
from urllib.parse import urlsplit

from microrank.errors import StudyError
from microrank.services.price import Price
from microrank.services.usage import Usage


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
    price_in: float | None = None  # US dollars a million tokens
    price_out: float | None = None
    price_cached_in: float | None = None  # of tokens in that the service had cached; else price_in

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
        set_here = {"name", "base_url", "price_in", "price_out", "price_cached_in"}
        known = {field.name for field in fields(cls)} - set_here
        price = section.get("price") or {}
        return cls(
            name=name,
            base_url=(base_url or section["base_url"]).rstrip("/"),
            price_in=price.get("input"),
            price_out=price.get("output"),
            price_cached_in=price.get("cached_input"),
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
        """US dollars for an answer's tokens, or None where no price is configured.

        Tokens in that the service had cached have a price of their own where one is configured.
        """
        if self.price_in is None and self.price_out is None:
            return None
        price = Price(self.price_in or 0.0, self.price_out or 0.0, self.price_cached_in)
        return price.dollars(
            usage.prompt_tokens or 0, usage.completion_tokens or 0, usage.cached_tokens or 0
        )

    @property
    def is_local(self) -> bool:
        """Whether the address is this machine's own."""
        host = urlsplit(self.base_url).hostname or ""
        return host in {"localhost", "::1"} or host.startswith("127.")
