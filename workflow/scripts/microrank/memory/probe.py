"""Ask a language model to complete titles, through the store as all that is asked."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from microrank.llm.service_asks import SERVICE_ASKS
from microrank.local_llm.query import kept_or_asked
from microrank.local_llm.session import Session
from microrank.memory.questions import (
    MAX_TOKENS,
    is_completed,
    is_likeliest,
    likelihood_body,
    written_messages,
)
from microrank.memory.result import Completed, Memory
from microrank.memory.titles import HalfTitle
from microrank.services.answers import completion_of
from microrank.services.chat import ask_chat
from microrank.services.chat_settings import ChatSettings
from microrank.services.completion import read_completion
from microrank.services.settings import Service
from microrank.services.store import Entry, Request, Store


class Answers(NamedTuple):
    """What a model said of each title: a text, and whether the own ending is the likeliest."""

    written: list[str]
    likeliest: list[bool]  # empty where no log-probabilities were asked for
    keys: list[str]


def ask_locally(halves: Sequence[HalfTitle], session: Session, items: str) -> Answers:
    """Ask a model in this process.

    Args:
        halves: the titles.
        session: the model.
        items: what the data set's items are called.
    """
    bodies = local_bodies(halves, items)
    written = kept_or_asked("written", bodies["written"], session)
    read = kept_or_asked("likelihood", bodies["likelihood"], session)
    return Answers(
        [read_completion(entry.body).text for entry in written],
        [is_likeliest(json.loads(entry.body)) for entry in read],
        [entry.key for entry in (*written, *read)],
    )


def local_bodies(halves: Sequence[HalfTitle], items: str) -> dict[str, list[dict[str, Any]]]:
    """Way of asking a model in this process → what it is asked about each title."""
    return {
        "written": [
            {"messages": written_messages(half, items), "max_tokens": MAX_TOKENS} for half in halves
        ],
        "likelihood": [likelihood_body(half) for half in halves],
    }


def ask_service(
    halves: Sequence[HalfTitle],
    settings: ChatSettings,
    store: Store,
    *,
    service: Service,
    items: str,
    gives_likelihoods: bool,
    budget: Mapping[str, Any] | None = None,
) -> Answers:
    """Ask a service.

    Args:
        halves: the titles.
        settings: the model and everything else that shapes its answers.
        store: where answers are kept.
        service: how to reach the model.
        items: what the data set's items are called.
        gives_likelihoods: whether it gives the log-probabilities of a prompt's tokens.
        budget: the config's `budget`.
    """
    requests = planned(halves, settings, items, gives_likelihoods=gives_likelihoods)
    named = {
        (place, number): request
        for place, of_half in enumerate(requests)
        for number, request in enumerate(of_half)
    }
    entries = ask_chat(named, service, store, budget)
    written = [entries[place, 0] for place in range(len(halves))]
    return Answers(
        [completion_of(entry.request, entry.body).text for entry in written],
        [
            _chosen(half, [entries[place, number] for number in range(1, len(requests[place]))])
            for place, half in enumerate(halves)
            if gives_likelihoods
        ],
        [entry.key for entry in entries.values()],
    )


def planned(
    halves: Sequence[HalfTitle], settings: ChatSettings, items: str, *, gives_likelihoods: bool
) -> list[list[Request]]:
    """The requests about each title, the written one first; arguments as of `ask_service`."""
    likelihoods = SERVICE_ASKS["likelihood"].requests
    return [
        [
            settings.request(written_messages(half, items), 0),
            *(likelihoods(settings, likelihood_body(half), 0) if gives_likelihoods else []),
        ]
        for half in halves
    ]


def _chosen(half: HalfTitle, entries: Sequence[Entry]) -> bool:
    return is_likeliest(SERVICE_ASKS["likelihood"].answer(likelihood_body(half), entries))


def memory_of(
    llm: str,
    halves: Sequence[HalfTitle],
    answers: Answers,
    *,
    until: str | None = None,
    newer: set[int] | None = None,
) -> Memory:
    """Count the titles that a model completed.

    Args:
        llm: its entry of `llms`.
        halves: the titles.
        answers: what it said, in their order.
        until: its date.
        newer: items that are newer than the model; None where that is not known.
    """
    places = range(len(halves))
    recent = [place for place in places if newer is not None and halves[place].item_id in newer]
    chances = [1 / (1 + len(half.others)) for half in halves]
    return Memory(
        llm=llm,
        everything=_completed(halves, answers, places),
        chance=sum(chances) / max(len(chances), 1),
        until=until,
        newer=None if newer is None else _completed(halves, answers, recent),
        keys=tuple(sorted(set(answers.keys))),
    )


def _completed(halves: Sequence[HalfTitle], answers: Answers, places: Sequence[int]) -> Completed:
    chosen = [answers.likeliest[place] for place in places if answers.likeliest]
    exact = [is_completed(halves[place], answers.written[place]) for place in places]
    return Completed(len(places), sum(exact), len(chosen), sum(chosen))
