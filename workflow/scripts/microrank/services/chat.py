"""Chat models behind OpenAI's `/chat/completions`, which Hugging Face's router, vLLM, Ollama, llama.cpp and others speak too."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from microrank.errors import StudyError
from microrank.services.budget import Spent, spending
from microrank.services.client import Client, Estimate
from microrank.services.completion import Completion, read_completion
from microrank.services.dispatch import ask_each
from microrank.services.failures import AskedElsewhere, QuestionFailed, Refused
from microrank.services.locks import hold, lock_of
from microrank.services.served import ServedModels
from microrank.services.settings import Service
from microrank.services.store import Entry, Store, request_key

Messages = Sequence[Mapping[str, str]]
RESERVED = frozenset({"model", "messages", "stream", "n", "response_format"})
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ChatSettings:
    """All that shapes a chat model's answer, the messages and the pass aside: part of every request's key."""

    model: str
    base_url: str
    adapter: str = "openai-chat"
    temperature: float | None = 0.0
    top_p: float | None = 1.0
    max_tokens: int | None = 512
    seed: int | None = None
    response_format: str = (
        "json_schema"  # used where the prompt has a schema: json_schema | json_object | none
    )
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
                f"config: llms: extra.{min(taken)} of model {section['model']} is set by microrank itself; remove it"
            )
        settings = {key: value for key, value in section.items() if key in cls.__dataclass_fields__}
        base_url = str(section.get("base_url", section["adapter"])).rstrip("/")
        return cls(**{**settings, "base_url": base_url})

    def request(
        self, messages: Messages, pass_number: int, schema: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The request, which is also its key's preimage: every sampling parameter is sent, so that no server's default shapes an answer."""
        sampling = {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_tokens": self.max_tokens,
            "seed": self.seed,
        }
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [dict(message) for message in messages],
            **self.extra,
        }
        body |= {name: value for name, value in sampling.items() if value is not None}
        if schema is not None and self.response_format == "json_schema":
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": True, "schema": dict(schema)},
            }
        elif schema is not None and self.response_format == "json_object":
            body["response_format"] = {"type": "json_object"}
        request = {
            "adapter": self.adapter,
            "base_url": self.base_url,
            "body": body,
            "pass": pass_number,
        }
        return request if self.revision is None else {**request, "revision": self.revision}


def ask_chat(
    questions: Mapping[str, Mapping[str, Any]],
    service: Service,
    store: Store,
    budget: Mapping[str, Any] | None = None,
) -> dict[str, Entry]:
    """Answers to all `questions` (name → request of `ChatSettings.request`), from the store or else from the service.

    Equal requests are asked once. The token is looked for only where an answer is missing.

    Raises:
        StudyError: answers are missing and cannot be had; those that came are kept.
    """
    kept = {name: store.get(request) for name, request in questions.items()}
    missing = {name: questions[name] for name, entry in kept.items() if entry is None}
    log.info(
        "%s: %d of %d answers are in the store",
        service.name,
        len(questions) - len(missing),
        len(questions),
    )
    if missing:
        store.missing(missing)
        unique = {request_key(request): name for name, request in missing.items()}
        token = service.token(f"{len(unique)} answers are not in the store yet")
        with spending(budget, store) as limits, Client(service, token, limits) as client:
            client.answered = len(questions) - len(missing)
            model = _ChatModel(client, store)
            ask_each(client, list(unique.values()), lambda name: model.ask(questions[name]), str)
        kept |= {name: model.entries[request_key(request)] for name, request in missing.items()}
    return {name: entry for name, entry in kept.items() if entry is not None}


class _ChatModel:
    """Asks one request after the other, and remembers what this server refuses."""

    def __init__(self, client: Client, store: Store) -> None:
        self.entries: dict[str, Entry] = {}
        self._client, self._store = client, store
        self._formats_refused = False
        self._served = ServedModels(client.service.name)

    def ask(self, request: Mapping[str, Any]) -> None:
        """Ask and keep. Where the server refuses `response_format`, it is asked without, which the entry notes.

        Raises:
            AskedElsewhere: another job is at it.
        """
        lock = lock_of(self._store, request_key(request))
        with hold(lock) as mine:
            if not mine:
                raise AskedElsewhere(lock)
            if kept := self._store.get(request):  # another job has asked meanwhile
                self.entries[kept.key] = kept
            else:
                self._ask(request)

    def _ask(self, request: Mapping[str, Any]) -> None:
        body = dict(request["body"])
        if self._formats_refused:
            body.pop("response_format", None)
        try:
            entry = self._answer(request, body)
        except Refused as refused:
            if "response_format" not in body:
                self._client.give_up(refused)
            body.pop("response_format")
            try:
                entry = self._answer(request, body)
            except Refused as again:
                self._client.give_up(again)
            if not self._formats_refused:
                self._formats_refused = True
                log.warning(
                    "%s: the server refuses response_format (%s); asking without it",
                    self._client.service.name,
                    refused,
                )
        self.entries[entry.key] = self._store.put(entry)
        self._served.note(body["model"], entry.served_model)

    def _answer(self, request: Mapping[str, Any], body: Mapping[str, Any]) -> Entry:
        service = self._client.service
        url = f"{service.base_url}/chat/completions"

        def used(completion: Completion) -> Spent:
            tokens = (completion.prompt_tokens or 0) + (completion.completion_tokens or 0)
            return Spent(
                1,
                tokens,
                service.cost_usd(completion.prompt_tokens, completion.completion_tokens) or 0.0,
            )

        def check(completion: Completion) -> None:
            if completion.finish_reason == "length":
                raise QuestionFailed(
                    f"the answer is not whole: it was cut at max_tokens ({body.get('max_tokens')}): raise max_tokens"
                )
            if completion.finish_reason == "content_filter":
                raise QuestionFailed(
                    "the answer is not whole: the service's content filter withheld it"
                )

        completion, reply = self._client.ask(
            url,
            body,
            lambda reply: read_completion(reply.body),
            estimate(request),
            usage=used,
            check=check,
        )
        simulated = request["adapter"] == "simulated"
        dropped = "response_format" in request["body"] and "response_format" not in body
        provider = reply.headers.get("x-inference-provider")
        return Entry(
            request=request,
            body=reply.body,
            served_model=f"{completion.served_model or body['model']}{f' by {provider}' if provider else ''}",
            usage={
                "prompt_tokens": completion.prompt_tokens or 0,
                "completion_tokens": completion.completion_tokens or 0,
            },
            latency_s=None if simulated else round(reply.latency_s, 4),
            cost_usd=service.cost_usd(completion.prompt_tokens, completion.completion_tokens),
            notes=("asked without response_format, which the server refuses",) if dropped else (),
        )


def estimate(request: Mapping[str, Any]) -> Estimate:
    """Tokens of a request without a tokenizer: about 3.5 bytes each, surely not under 2."""
    messages = request["body"]["messages"]
    n_bytes = sum(len(message["content"].encode("utf-8", "replace")) for message in messages)
    prompt_tokens = math.ceil(n_bytes / 3.5) + 8 * len(messages)
    answer_tokens = request["body"].get("max_tokens", 1024)
    return Estimate(prompt_tokens + answer_tokens, n_bytes // 2 + 16 * len(messages), answer_tokens)
