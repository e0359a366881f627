"""Tokens of a text, estimated from its bytes: the models' tokenizers are not at hand."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from microrank.services.usage import Usage

BYTES_PER_TOKEN = 3.5  # of ordinary text
LEAST_BYTES_PER_TOKEN = 2  # of any text: the upper bound on its tokens
TOKENS_A_MESSAGE = 8  # of a chat template, around each message
MOST_TOKENS_A_MESSAGE = 16
TOKENS_A_TEXT = 2  # around each text that is embedded
MOST_TOKENS_A_TEXT = 4
ANSWER_TOKENS = 1024  # of an answer, where the request sets no limit
# Ordinary text has 1 to 5; nothing that is a prompt of a study has more than this.
MOST_CHARACTERS_PER_TOKEN = 8
LIMITS = ("max_tokens", "max_completion_tokens", "max_new_tokens", "max_output_tokens")


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


class Bound:
    """The most tokens that requests to one server can take.

    Some servers take more than a request allows: their templates are long, or their models think
    beyond the limit. What one answer took beyond its estimate, the next may take, too.
    """

    def __init__(self) -> None:
        self._extra_prompt = self._extra_completion = 0

    def of(self, estimate: Estimate) -> Usage:
        """The most that a request can take, as far as is known."""
        return Usage(
            estimate.most_prompt_tokens + self._extra_prompt,
            estimate.completion_tokens + self._extra_completion,
        )

    def learn(self, estimate: Estimate, usage: Usage) -> None:
        """Note what an answer really took."""
        extra_prompt = (usage.prompt_tokens or 0) - estimate.most_prompt_tokens
        extra_completion = (usage.completion_tokens or 0) - estimate.completion_tokens
        self._extra_prompt = max(self._extra_prompt, extra_prompt)
        self._extra_completion = max(self._extra_completion, extra_completion)


def chat_estimate(body: Mapping[str, Any]) -> Estimate:
    """Tokens of a chat request; its answer is taken to be as long as `max_tokens` allows."""
    texts = asked_texts(body)
    size = sum(map(n_bytes, texts))
    limit = answer_limit(body)
    return Estimate(
        prompt_tokens=_expected(size) + TOKENS_A_MESSAGE * len(texts),
        completion_tokens=ANSWER_TOKENS if limit is None else limit,
        most_prompt_tokens=_most(size) + MOST_TOKENS_A_MESSAGE * len(texts),
    )


def asked_text(body: Mapping[str, Any]) -> str:
    """All that a question's body says to the model."""
    return "\n".join(asked_texts(body))


def asked_texts(body: Mapping[str, Any]) -> list[str]:
    """The contents of a chat's messages, the text to be continued, or query and document pairs."""
    if "prompt" in body:
        return [body["prompt"]]
    if "query" in body:
        documents = body["documents"] if "documents" in body else body["texts"]
        return [f"{body['query']}\n{document}" for document in documents]
    return [message["content"] for message in body["messages"]]


def texts_estimate(texts: Sequence[str]) -> Estimate:
    """Tokens of texts that are embedded in one request."""
    size = sum(map(n_bytes, texts))
    return Estimate(
        prompt_tokens=_expected(size) + TOKENS_A_TEXT * len(texts),
        most_prompt_tokens=_most(size) + MOST_TOKENS_A_TEXT * len(texts),
    )


def answer_limit(body: Mapping[str, Any]) -> int | None:
    """The most tokens that a request lets its answer have, thinking included; None: no limit."""
    if "query" in body:  # scores are no tokens
        return 0
    limits = [body[name] for name in LIMITS if isinstance(body.get(name), int) and body[name] > 0]
    return max(limits, default=None)


def prompt_probably_cut(prompt_tokens: int | None, text: str) -> bool:
    """Whether the server counted far fewer tokens than a prompt's text has.

    Servers with a short context, such as Ollama with its default `num_ctx`, cut prompts silently.

    Args:
        prompt_tokens: as the server counted them; None where it does not say.
        text: all messages of the prompt.
    """
    return prompt_tokens is not None and prompt_tokens * MOST_CHARACTERS_PER_TOKEN < len(text)


def n_bytes(text: str) -> int:
    """Length of a text in UTF-8."""
    return len(text.encode("utf-8", "replace"))


def _expected(size: int) -> int:
    return math.ceil(size / BYTES_PER_TOKEN)


def _most(size: int) -> int:
    return size // LEAST_BYTES_PER_TOKEN
