"""How one service is reached and paced. Nothing in here shapes an answer, so nothing in here is part of a request's key."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self
from urllib.parse import urlsplit

from microrank.errors import StudyError


@dataclass(frozen=True)
class Service:
    """An endpoint's address, its token's variable, its pace and its price."""

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

    @classmethod
    def from_config(
        cls, name: str, section: Mapping[str, Any], base_url: str | None = None
    ) -> Self:
        """Pick the keys of an entry of `llms` or `encoders` that say how to ask; `base_url` replaces the entry's own."""
        known = {field.name for field in fields(cls)} - {
            "name",
            "base_url",
            "price_in",
            "price_out",
        }
        price = section.get("price") or {}
        return cls(
            name=name,
            base_url=(base_url or section["base_url"]).rstrip("/"),
            price_in=price.get("input"),
            price_out=price.get("output"),
            **{key: value for key, value in section.items() if key in known},
        )

    def token(self, why: str) -> str | None:
        """The token from the environment, or None where the entry names no variable; `why` says in an error what it is needed for.

        Raises:
            StudyError: the variable is not set, or what it holds cannot be a token. The value is never part of the message.
        """
        if self.token_env is None:
            return None
        token = os.environ.get(self.token_env, "").strip()
        if not token:
            raise StudyError(
                f"{self.name}: {why}, and the variable {self.token_env} is not set: export {self.token_env}=... and run again"
            )
        if not token.isascii() or not token.isprintable() or " " in token:
            raise StudyError(
                f"{self.name}: what {self.token_env} holds cannot be a token (spaces, line breaks or other signs in it); set it anew"
            )
        return token

    def cost_usd(self, prompt_tokens: int | None, completion_tokens: int | None) -> float | None:
        """What so many tokens cost, or None where no price is configured."""
        if self.price_in is None and self.price_out is None:
            return None
        return (
            (prompt_tokens or 0) * (self.price_in or 0.0)
            + (completion_tokens or 0) * (self.price_out or 0.0)
        ) / 1e6

    @property
    def is_local(self) -> bool:
        """Whether the address is this machine's own."""
        host = urlsplit(self.base_url).hostname or ""
        return host in {"localhost", "::1"} or host.startswith("127.")
