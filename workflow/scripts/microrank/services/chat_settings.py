"""The settings of a chat model that shape its answers, and the requests that they make."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from microrank.errors import StudyError

Messages = Sequence[Mapping[str, str]]
TOP_LOGPROBS = 20  # the most that OpenAI gives
RESERVED = frozenset({"model", "messages", "stream", "n", "response_format"})


@dataclass(frozen=True)
class ChatSettings:
    """All that shapes an answer but the messages and the pass; part of every request's key."""

    model: str
    base_url: str
    adapter: str = "openai-chat"
    temperature: float | None = 0.0
    top_p: float | None = 1.0
    max_tokens: int | None = 512
    seed: int | None = None
    response_format: str = "json_schema"  # json_schema | json_object | none; for JSON prompts
    # How much a reasoning model thinks; config/README.md says which server takes which.
    reasoning_effort: str | None = None
    chat_template_kwargs: Mapping[str, Any] | None = None
    reasoning_format: str | None = None
    revision: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_config(cls, section: Mapping[str, Any]) -> Self:
        """Pick the shaping keys of an entry of `llms`.

        Raises:
            StudyError: `extra` names a field that microrank sets itself.
        """
        taken = RESERVED & set(section.get("extra") or {})
        if taken:
            raise StudyError(
                f"config: llms: extra.{min(taken)} of model {section['model']} "
                "is set by microrank itself; remove it"
            )
        settings = {key: value for key, value in section.items() if key in cls.__dataclass_fields__}
        base_url = str(section.get("base_url", section["adapter"])).rstrip("/")
        return cls(**{**settings, "base_url": base_url})

    def request(
        self, messages: Messages, pass_number: int, schema: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Make a request; its hash is the answer's key in the store.

        Every sampling parameter is sent, so that no server's default shapes an answer.

        Args:
            messages: the question.
            pass_number: part of the key, so that one question can have several answers.
            schema: the JSON schema of the answer, where the prompt wants JSON.
        """
        request: dict[str, Any] = {
            "adapter": self.adapter,
            "base_url": self.base_url,
            "body": self._body(messages) | self._format(schema),
            "pass": pass_number,
        }
        return request if self.revision is None else {**request, "revision": self.revision}

    def first_token_request(self, messages: Messages, pass_number: int) -> dict[str, Any]:
        """Make a request for the log-probabilities of the answer's first token.

        `extra` may ask for another number of tokens than OpenAI's most, 20.

        Args:
            messages: the question.
            pass_number: part of the key.
        """
        request = self.request(messages, pass_number)
        asked = {"logprobs": True, "top_logprobs": TOP_LOGPROBS}
        return {**request, "body": asked | request["body"] | {"max_tokens": 1}}

    def prompt_request(self, text: str) -> dict[str, Any]:
        """Make a request for the log-probabilities of a text's own tokens."""
        request = self.request([], 0)
        body = {"model": self.model, "prompt": text, **self.extra}
        return {**request, "body": body | {"max_tokens": 1, "prompt_logprobs": 0}}

    def _body(self, messages: Messages) -> dict[str, Any]:
        parameters = {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_tokens": self.max_tokens,
            "seed": self.seed,
            "reasoning_effort": self.reasoning_effort,
            "chat_template_kwargs": self.chat_template_kwargs,
            "reasoning_format": self.reasoning_format,
        }
        return {
            "model": self.model,
            "messages": [dict(message) for message in messages],
            **self.extra,
            **{name: value for name, value in parameters.items() if value is not None},
        }

    def _format(self, schema: Mapping[str, Any] | None) -> dict[str, Any]:
        if schema is None or self.response_format == "none":
            return {}
        if self.response_format == "json_object":
            return {"response_format": {"type": "json_object"}}
        json_schema = {"name": "answer", "strict": True, "schema": dict(schema)}
        return {"response_format": {"type": "json_schema", "json_schema": json_schema}}
