"""What tokens cost."""

from dataclasses import dataclass

TOKENS_A_PRICE = 1e6  # prices are for a million tokens


@dataclass(frozen=True)
class Price:
    """US dollars a million tokens, as `price` of an entry gives them.

    Attributes:
        input: Of tokens in.
        output: Of tokens out; reasoning tokens are tokens out.
        cached_input: Of tokens in that the service had cached; None where they cost what others do.
    """

    input: float
    output: float
    cached_input: float | None = None

    def dollars(self, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0) -> float:
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
