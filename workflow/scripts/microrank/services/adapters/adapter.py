"""What the workflow knows of one kind of chat service."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from microrank.services.completion import Completion

Body = Mapping[str, Any]
Messages = Sequence[Mapping[str, str]]
# Of an entry of `llms`: model, temperature, top_p, max_tokens, seed, response_format, extra, …
Parameters = Mapping[str, Any]
Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Adapter:
    """How one kind of chat service is written to and read.

    A body has `model`, and `messages` whose contents are texts (or one text, `prompt`; or a `query`
    and documents); the limit of its answer stands under one of `tokens.LIMITS`. Tokens go as
    `Authorization: Bearer` (`connection.py`), and what a broken answer cost is read in OpenAI's
    names (`usage.py`).

    Attributes:
        path: a body -> where it is posted, below the service's address.
        written: the body of a question whose answer is a text. The schema is that of the answer,
            where the prompt wants JSON. None where such services write nothing.
        read: a question's body and its reply's -> what the answer says. Raises Malformed where the
            reply is no answer.
        first_token: the body of a question of which only the log-probabilities of the answer's
            first token count; None where such services give none.
        prompt: the body of a text whose own tokens' log-probabilities count; None as above.
        rank: the body of a query and the documents that are to be scored; None where such services
            score none.
        is_simulated: whether the workflow starts the server itself, and no model answers.
    """

    path: Callable[[Body], str]
    written: Callable[[Parameters, Messages, Schema | None], dict[str, Any]] | None
    read: Callable[[Body, str], Completion]
    first_token: Callable[[Parameters, Messages], dict[str, Any]] | None = None
    prompt: Callable[[Parameters, str], dict[str, Any]] | None = None
    rank: Callable[[Parameters, str, Sequence[str]], dict[str, Any]] | None = None
    is_simulated: bool = False

    @property
    def gives_logprobs(self) -> bool:
        """Whether such services can be asked for log-probabilities."""
        return self.first_token is not None
