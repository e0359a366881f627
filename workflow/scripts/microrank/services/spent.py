"""What requests took or may take."""

from dataclasses import dataclass


@dataclass
class Spent:
    """Requests, tokens and US dollars."""

    requests: int = 0
    tokens: int = 0
    usd: float = 0.0

    def add(self, other: "Spent", sign: int = 1) -> None:
        """Add another sum, or take it off with `sign` -1."""
        self.requests += sign * other.requests
        self.tokens += sign * other.tokens
        self.usd += sign * other.usd
