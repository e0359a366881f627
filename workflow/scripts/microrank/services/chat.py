"""Asking chat models through OpenAI's `/chat/completions`, which most servers speak."""

import logging
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from microrank.errors import StudyError
from microrank.services.adapters import adapter_of
from microrank.services.answers import completion_of
from microrank.services.batch_notes import BatchNotes
from microrank.services.batches import Batches
from microrank.services.budget import Budget, spending
from microrank.services.chat_model import ChatModel
from microrank.services.chat_settings import ChatSettings
from microrank.services.client import Client
from microrank.services.completion import Completion
from microrank.services.dispatch import ask_each
from microrank.services.expectation import Expectations
from microrank.services.failures import AskedElsewhere, QuestionFailed
from microrank.services.kept import kept_answer
from microrank.services.locks import hold, lock_of
from microrank.services.settings import BATCH, Service
from microrank.services.store import Entry, Request, Store, request_key
from microrank.services.tokens import answer_limit, asked_text, prompt_probably_cut

__all__ = ["ChatSettings", "ask_chat", "kept_answer"]
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
    answers = {name: kept_answer(store, request) for name, request in questions.items()}
    missing = {name: questions[name] for name, entry in answers.items() if entry is None}
    n_kept = len(questions) - len(missing)
    log.info("%s: %d of %d answers are in the store", service.name, n_kept, len(questions))
    if missing:
        store.missing({str(name): request for name, request in missing.items()})
        kept = [entry for entry in answers.values() if entry is not None]
        entries = _ask_missing(missing, kept, service, store, budget)
        answers |= {name: entries[request_key(request)] for name, request in missing.items()}
    whole = {name: entry for name, entry in answers.items() if entry is not None}
    report_answers(service.name, whole.values())
    return whole


def _ask_missing(
    missing: Mapping[K, Request],
    kept: Sequence[Entry],
    service: Service,
    store: Store,
    budget: Mapping[str, Any] | None,
) -> dict[str, Entry]:
    """Ask each different request once; its key → its answer."""
    requests = {request_key(request): request for request in missing.values()}
    names = {request_key(request): str(name) for name, request in missing.items()}
    token = service.token(f"{len(requests)} answers are not in the store yet")
    with spending(budget, store) as limits, Client(service, token, limits) as client:
        check_bounded(missing.values(), limits, service.name)
        expectations = Expectations(store)
        for request in requests.values():
            if not adapter_of(request).is_simulated:
                expectations.note_first(request, kept)
        batches = Batches(requests, names, client, store, expectations)
        entries = batches.entries
        try:
            if service.mode == BATCH:
                batches.run(kept)
            else:
                batches.fetch()
                client.answered = len(kept)
                settled = batches.settled
                keys = [key for key in requests if key not in settled]
                asker = Asker(ChatModel(client), store, expectations, entries)
                ask_each(client, keys, lambda key: asker.ask(requests[key]), names.__getitem__)
            batches.complain()
        except StudyError:
            report_answers(service.name, entries.values())
            raise
        return entries


def check_bounded(requests: Collection[Request], budget: Budget, name: str) -> None:
    """Refuse requests whose answers nothing bounds, where a budget in tokens or money is set.

    Raises:
        StudyError: says which settings to change.
    """
    if budget.tokens is None and budget.usd is None:
        return
    if any(answer_limit(request["body"]) is None for request in requests):
        raise StudyError(
            f"{name}: max_tokens is null, so that an answer may take any number of tokens, "
            "and `budget` has a limit in tokens or US dollars: set max_tokens, "
            "or budget by requests alone"
        )


class Asker:
    """Asks one request after the other, and keeps the answers; other jobs' questions are theirs."""

    def __init__(
        self,
        model: ChatModel,
        store: Store,
        expectations: Expectations,
        entries: dict[str, Entry],
    ) -> None:
        self._model, self._store, self._entries = model, store, entries
        self._expectations, self._batches = expectations, BatchNotes(store)

    def answer(self, request: Request) -> Entry:
        """The kept answer to one request; if there is none, it is asked.

        Raises:
            AskedElsewhere: another job is asking it.
            QuestionFailed: it has no answer.
        """
        entry = kept_answer(self._store, request)
        if entry is None:
            self.ask(request)
        else:
            self._entries[entry.key] = entry
        return self._entries[request_key(request)]

    def ask(self, request: Request) -> None:
        """Ask one request, and keep its answer.

        Raises:
            AskedElsewhere: another job is asking it.
            QuestionFailed: it has no answer.
        """
        key = request_key(request)
        lock = lock_of(self._store, key)
        with hold(lock) as is_held:
            if not is_held:
                raise AskedElsewhere(lock)
            entry = kept_answer(self._store, request)  # another job has asked meanwhile
            if entry is None:
                if self._batches.holds(key):
                    raise QuestionFailed("another job has just sent it in a batch")
                answer = self._model.answer(request)
                expected = self._expectations.first(request)
                entry = self._store.put(replace(answer, expected=expected))
            self._entries[key] = entry


def report_answers(name: str, entries: Collection[Entry]) -> None:
    """Log how many answers are refusals, and how many prompts the server probably cut."""
    n_refused = sum(_completion(entry).is_refusal for entry in entries)
    if n_refused:
        log.warning(
            "%s: %d of %d answers are refusals: they are kept, and name nothing; try another "
            "model or prompt",
            name,
            n_refused,
            len(entries),
        )
    n_calls = sum(_completion(entry).is_tool_call for entry in entries)
    if n_calls:
        log.info(
            "%s: %d of %d answers are tool calls: the JSON of their arguments is read",
            name,
            n_calls,
            len(entries),
        )
    n_cut = sum(map(prompt_was_cut, entries))
    if n_cut:
        log.warning(
            "%s: of %d of %d prompts the server counted far fewer tokens than they have: "
            "it probably cut them to its context length, without saying so; "
            "give it a longer one (Ollama: OLLAMA_CONTEXT_LENGTH or num_ctx), set `revision` "
            "to ask again, or lower `subset.history_length`",
            name,
            n_cut,
            len(entries),
        )


def prompt_was_cut(entry: Entry) -> bool:
    """Whether the server probably cut the prompt of a kept answer."""
    if adapter_of(entry.request).is_simulated:  # it counts words
        return False
    return prompt_probably_cut(_completion(entry).prompt_tokens, asked_text(entry.request["body"]))


def _completion(entry: Entry) -> Completion:
    return completion_of(entry.request, entry.body)
