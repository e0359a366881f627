"""Tokens of a text, estimated from its bytes: the models' tokenizers are not at hand."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

BYTES_PER_TOKEN = 3.5  # of ordinary text
LEAST_BYTES_PER_TOKEN = 2  # of any text: the upper bound on its tokens
TOKENS_A_MESSAGE = 8  # of a chat template, around each message
MOST_TOKENS_A_MESSAGE = 16
TOKENS_A_TEXT = 2  # around each text that is embedded
MOST_TOKENS_A_TEXT = 4
ANSWER_TOKENS = 1024  # of an answer, where the request sets no limit


@dataclass(frozen=True)
class Estimate:
    """Tokens that a request probably takes, and the most that it can take."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    most_prompt_tokens: int = 0

    @property
    def tokens(self) -> int:
        """Tokens in and out that the request probably takes."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def most_tokens(self) -> int:
        """The most tokens in and out that the request can take."""
        return self.most_prompt_tokens + self.completion_tokens


def chat_estimate(body: Mapping[str, Any]) -> Estimate:
    """Tokens of a chat request; its answer is taken to be as long as `max_tokens` allows."""
    messages = body["messages"]
    size = sum(n_bytes(message["content"]) for message in messages)
    return Estimate(
        prompt_tokens=_expected(size) + TOKENS_A_MESSAGE * len(messages),
        completion_tokens=body.get("max_tokens", ANSWER_TOKENS),
        most_prompt_tokens=_most(size) + MOST_TOKENS_A_MESSAGE * len(messages),
    )


def texts_estimate(texts: Sequence[str]) -> Estimate:
    """Tokens of texts that are embedded in one request."""
    size = sum(map(n_bytes, texts))
    return Estimate(
        prompt_tokens=_expected(size) + TOKENS_A_TEXT * len(texts),
        most_prompt_tokens=_most(size) + MOST_TOKENS_A_TEXT * len(texts),
    )


def n_bytes(text: str) -> int:
    """Length of a text in UTF-8."""
    return len(text.encode("utf-8", "replace"))


def _expected(size: int) -> int:
    return math.ceil(size / BYTES_PER_TOKEN)


def _most(size: int) -> int:
    return size // LEAST_BYTES_PER_TOKEN
