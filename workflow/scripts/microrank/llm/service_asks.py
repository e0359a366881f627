"""Ways to ask for log-probabilities and scores, in requests to services: sent and read."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from microrank.llm.prompts import LABELS
from microrank.services.chat_settings import ChatSettings
from microrank.services.logprobs import first_token_logprobs, prompt_logprobs
from microrank.services.reranks import rerank_scores
from microrank.services.store import Entry, Request

BELOW_SMALLEST = 1.0  # nats by which an answer that is missing stands below the smallest seen
Body = Mapping[str, Any]


class ServiceAsk(NamedTuple):
    """How one way of asking speaks with a service.

    requests: of a body of the way of asking and a pass. answer: what their answers say, in the
    shape that the way of asking reads.
    """

    requests: Callable[[ChatSettings, Body, int], list[Request]]
    answer: Callable[[Body, Sequence[Entry]], dict[str, Any]]


def _label_requests(settings: ChatSettings, body: Body, pass_number: int) -> list[Request]:
    return [settings.first_token_request(body["messages"], pass_number)]


def _labels(body: Body, entries: Sequence[Entry]) -> dict[str, Any]:
    """The labels among the likeliest first tokens."""
    seen = first_token_logprobs(entries[0].body)
    return {"labels": {label: seen[label] for label in LABELS[: body["n_labels"]] if label in seen}}


def _yes_no_requests(settings: ChatSettings, body: Body, pass_number: int) -> list[Request]:
    return [settings.first_token_request(messages, pass_number) for messages in body["chats"]]


def _yes_no(body: Body, entries: Sequence[Entry]) -> dict[str, Any]:
    """Log-probabilities of yes and no; None for a candidate where neither was seen."""
    pairs = [_yes_and_no(first_token_logprobs(entry.body)) for entry in entries]
    return {"yes": [yes for yes, _ in pairs], "no": [no for _, no in pairs]}


def _yes_and_no(seen: Mapping[str, float]) -> tuple[float | None, float | None]:
    """Sums over spellings; one that is missing stands below the smallest of all tokens seen."""
    yes, no = (
        [value for text, value in seen.items() if text.lower() == word] for word in ("yes", "no")
    )
    if not yes and not no:
        return None, None
    floor = min(seen.values()) - BELOW_SMALLEST
    return _log_sum(yes, floor), _log_sum(no, floor)


def _log_sum(values: Sequence[float], empty: float) -> float:
    if not values:
        return empty
    most = max(values)
    return most + math.log(sum(math.exp(value - most) for value in values))


def _title_requests(settings: ChatSettings, body: Body, pass_number: int) -> list[Request]:
    """What stands before the titles, and the same with each title behind it."""
    texts = [body["prefix"], *(body["prefix"] + ending for ending in body["endings"])]
    return [settings.prompt_request(text) for text in texts]


def _titles(body: Body, entries: Sequence[Entry]) -> dict[str, Any]:
    """Log-probability and number of the tokens that each title adds to what stands before."""
    before, *texts = (prompt_logprobs(entry.body) for entry in entries)
    added = [list(_added(before, text)) for text in texts]
    return {
        "log_probabilities": [sum(values) for values in added],
        "n_tokens": [max(1, len(values)) for values in added],
    }


def _added(
    before: Sequence[tuple[str, float | None]], text: Sequence[tuple[str, float | None]]
) -> Iterator[float]:
    """The log-probabilities of a text's tokens from the first one that `before` has not.

    A tokenizer may join the end of `before` with what follows.
    """
    same = [token == other for (token, _), (other, _) in zip(before, text, strict=False)]
    start = same.index(False) if False in same else len(same)
    yield from (value for _, value in text[start:] if value is not None)


def _relevance_requests(settings: ChatSettings, body: Body, pass_number: int) -> list[Request]:
    return [settings.rerank_request(body["query"], body["documents"])]


def _relevance(body: Body, entries: Sequence[Entry]) -> dict[str, Any]:
    return {"scores": rerank_scores(entries[0].body, len(body["documents"]))}


# The name of a way of asking -> how it is asked of services.
SERVICE_ASKS = {
    "first-token": ServiceAsk(_label_requests, _labels),
    "yes-no": ServiceAsk(_yes_no_requests, _yes_no),
    "likelihood": ServiceAsk(_title_requests, _titles),
    "relevance": ServiceAsk(_relevance_requests, _relevance),
}
