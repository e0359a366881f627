"""Asking chat models through OpenAI's `/chat/completions`, which most servers speak."""

import logging
from collections.abc import Hashable, Mapping
from typing import Any, TypeVar

from microrank.services.budget import Spent, spending
from microrank.services.chat_settings import ChatSettings
from microrank.services.client import Call, Client
from microrank.services.completion import Completion, read_completion
from microrank.services.connection import Reply
from microrank.services.dispatch import ask_each
from microrank.services.failures import AskedElsewhere, QuestionFailed, Refused
from microrank.services.locks import hold, lock_of
from microrank.services.served import ServedModels
from microrank.services.settings import Service
from microrank.services.store import Entry, Request, Store, request_key
from microrank.services.tokens import chat_estimate

__all__ = ["ChatSettings", "ask_chat"]
FORMAT_REFUSED = "asked without response_format, which the server refuses"
log = logging.getLogger(__name__)
K = TypeVar("K", bound=Hashable)


def ask_chat(
    questions: Mapping[K, Request],
    service: Service,
    store: Store,
    budget: Mapping[str, Any] | None = None,
) -> dict[K, Entry]:
    """Answer all `questions`, from the store or else from the service.

    Equal requests are asked once. The token is looked for only where an answer is missing.

    Args:
        questions: name → request of `ChatSettings.request`. `str` of a name is for messages.
        service: how to ask.
        store: where answers are kept.
        budget: the config's `budget`.

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
        store.missing({str(name): request for name, request in missing.items()})
        n_kept = len(questions) - len(missing)
        entries = _ask_missing(missing, n_kept, service, store, budget)
        kept |= {name: entries[request_key(request)] for name, request in missing.items()}
    return {name: entry for name, entry in kept.items() if entry is not None}


def _ask_missing(
    missing: Mapping[K, Request],
    n_kept: int,
    service: Service,
    store: Store,
    budget: Mapping[str, Any] | None,
) -> dict[str, Entry]:
    """Ask each different request once; its key → its answer."""
    unique = {request_key(request): name for name, request in missing.items()}
    token = service.token(f"{len(unique)} answers are not in the store yet")
    with spending(budget, store) as limits, Client(service, token, limits) as client:
        client.answered = n_kept
        model = _ChatModel(client, store)
        ask_each(client, list(unique.values()), lambda name: model.ask(missing[name]), str)
        return model.entries


class _ChatModel:
    """Asks one request after the other, and remembers what the server refuses."""

    def __init__(self, client: Client, store: Store) -> None:
        self.entries: dict[str, Entry] = {}
        self._client, self._store = client, store
        self._format_is_refused = False
        self._served = ServedModels(client.service.name)

    def ask(self, request: Request) -> None:
        """Ask one request, and keep its answer.

        Raises:
            AskedElsewhere: another job is asking it.
        """
        lock = lock_of(self._store, request_key(request))
        with hold(lock) as is_held:
            if not is_held:
                raise AskedElsewhere(lock)
            entry = self._store.get(request)  # another job has asked meanwhile
            if entry is None:
                entry = self._store.put(self._answer(request))
                self._served.note(request["body"]["model"], entry.served_model)
            self.entries[entry.key] = entry

    def _answer(self, request: Request) -> Entry:
        """Ask; without `response_format` where the server refuses it, which the entry notes."""
        body = dict(request["body"])
        if self._format_is_refused:
            body.pop("response_format", None)
        try:
            return self._ask(request, body)
        except Refused as refused:
            if "response_format" not in body:
                self._client.give_up(refused)
            entry = self._ask_without_format(request, body)
            self._note_refused_format(refused)
            return entry

    def _ask_without_format(self, request: Request, body: Mapping[str, Any]) -> Entry:
        rest = {name: value for name, value in body.items() if name != "response_format"}
        try:
            return self._ask(request, rest)
        except Refused as refused:
            self._client.give_up(refused)
            raise

    def _note_refused_format(self, refused: Refused) -> None:
        if not self._format_is_refused:
            self._format_is_refused = True
            log.warning(
                "%s: the server refuses response_format (%s); asking without it",
                self._client.service.name,
                refused,
            )

    def _ask(self, request: Request, body: Mapping[str, Any]) -> Entry:
        service = self._client.service
        call = Call(
            f"{service.base_url}/chat/completions",
            body,
            chat_estimate(request["body"]),
            read=lambda reply: read_completion(reply.body),
            usage=lambda completion: _spent(completion, service),
            check=lambda completion: _check_whole(completion, body),
        )
        completion, reply = self._client.ask(call)
        is_dropped = "response_format" in request["body"] and "response_format" not in body
        notes = (FORMAT_REFUSED,) if is_dropped else ()
        return _entry(request, completion, reply, service, notes)


def _spent(completion: Completion, service: Service) -> Spent:
    tokens_in, tokens_out = completion.prompt_tokens or 0, completion.completion_tokens or 0
    return Spent(1, tokens_in + tokens_out, service.cost_usd(tokens_in, tokens_out) or 0.0)


def _check_whole(completion: Completion, body: Mapping[str, Any]) -> None:
    if completion.finish_reason == "length":
        raise QuestionFailed(
            f"the answer is not whole: it was cut at max_tokens ({body.get('max_tokens')}): "
            "raise max_tokens"
        )
    if completion.finish_reason == "content_filter":
        raise QuestionFailed("the answer is not whole: the service's content filter withheld it")


def _entry(
    request: Request,
    completion: Completion,
    reply: Reply,
    service: Service,
    notes: tuple[str, ...],
) -> Entry:
    provider = reply.headers.get("x-inference-provider")
    served = completion.served_model or request["body"]["model"]
    return Entry(
        request=request,
        body=reply.body,
        served_model=f"{served} by {provider}" if provider else served,
        usage={
            "prompt_tokens": completion.prompt_tokens or 0,
            "completion_tokens": completion.completion_tokens or 0,
        },
        latency_s=None if request["adapter"] == "simulated" else round(reply.latency_s, 4),
        cost_usd=service.cost_usd(completion.prompt_tokens, completion.completion_tokens),
        notes=notes,
    )
