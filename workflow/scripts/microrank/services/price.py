"""What tokens cost."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

TOKENS_A_PRICE = 1e6  # prices are for a million tokens


@dataclass(frozen=True)
class Price:
    """US dollars a million tokens, as `price` of an entry gives them.

    Attributes:
        input: Of tokens in.
        output: Of tokens out; reasoning tokens are tokens out.
        cached_input: Of tokens in that the service had cached; None where they cost what others do.
        batch: What answers cost that come in batches: a share of the other prices, or prices of
            their own; None where they cost what others do.
        as_of: The day on which the prices were looked up, such as 2026-11-27.
    """

    input: float
    output: float
    cached_input: float | None = None
    batch: float | Mapping[str, float] | None = None
    as_of: str | None = None

    @property
    def in_batch(self) -> "Price":
        """The prices of answers that come in batches."""
        if self.batch is None:
            return self
        if isinstance(self.batch, Mapping):
            return Price(**self.batch, as_of=self.as_of)
        cached = None if self.cached_input is None else self.cached_input * self.batch
        return replace(
            self,
            input=self.input * self.batch,
            output=self.output * self.batch,
            cached_input=cached,
            batch=None,
        )

    def dollars(
        self, prompt_tokens: float, completion_tokens: float, cached_tokens: float = 0
    ) -> float:
        """Return what answers cost, in US dollars.

        Args:
            prompt_tokens: Tokens in.
            completion_tokens: Tokens out.
            cached_tokens: How many of the tokens in the service had cached.
        """
        cached_price = self.input if self.cached_input is None else self.cached_input
        cached = min(cached_tokens, prompt_tokens)
        millionths = (
            (prompt_tokens - cached) * self.input
            + cached * cached_price
            + completion_tokens * self.output
        )
        return millionths / TOKENS_A_PRICE
