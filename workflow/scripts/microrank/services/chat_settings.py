"""The settings of a chat model that shape its answers, and the requests that they make."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from microrank.errors import StudyError
from microrank.services.adapters import ADAPTERS
from microrank.services.adapters.adapter import Adapter, Messages

RESERVED = frozenset(
    {"model", "messages", "stream", "n", "response_format", "query", "documents", "texts"}
)


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
    answer: int = 1  # which answer to the same question this is; above 1 a part of the key
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

        Args:
            messages: the question.
            pass_number: part of the key, so that one question can have several answers.
            schema: the JSON schema of the answer, where the prompt wants JSON.
        """
        if self._adapter.written is None:
            raise StudyError(
                f"adapter {self.adapter} writes nothing; `ask: relevance` with a prompt such as "
                "relevance has it score candidates"
            )
        return self._request(self._adapter.written(vars(self), messages, schema), pass_number)

    def first_token_request(self, messages: Messages, pass_number: int) -> dict[str, Any]:
        """Make a request for the log-probabilities of the answer's first token.

        Args:
            messages: the question.
            pass_number: part of the key.
        """
        if self._adapter.first_token is None:
            raise self._no_logprobs()
        return self._request(self._adapter.first_token(vars(self), messages), pass_number)

    def prompt_request(self, text: str) -> dict[str, Any]:
        """Make a request for the log-probabilities of a text's own tokens."""
        if self._adapter.prompt is None:
            raise self._no_logprobs()
        return self._request(self._adapter.prompt(vars(self), text), 0)

    @property
    def _adapter(self) -> Adapter:
        return ADAPTERS[self.adapter]

    def _request(self, body: Mapping[str, Any], pass_number: int) -> dict[str, Any]:
        request = {
            "adapter": self.adapter,
            "base_url": self.base_url,
            "body": body,
            "pass": pass_number,
        }
        if self.revision is not None:
            request["revision"] = self.revision
        return request if self.answer == 1 else {**request, "answer": self.answer}

    def rerank_request(self, query: str, documents: Sequence[str]) -> dict[str, Any]:
        """Make a request for the scores of documents for a query."""
        if self._adapter.rank is None:
            raise StudyError(
                f"adapter {self.adapter} scores no pairs of texts; a prompt with answer_format "
                "relevance needs a cross-encoder"
            )
        return self._request(self._adapter.rank(vars(self), query, documents), 0)

    def _no_logprobs(self) -> StudyError:
        return StudyError(f"adapter {self.adapter} gives no log-probabilities; ask: order")
