"""Answers of a model in this process: from the store, or else from the model, each kept at once."""

import json
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np

from microrank.errors import StudyError
from microrank.local_llm.decode import WrittenAnswer, write_answers
from microrank.local_llm.engine import log_probabilities
from microrank.local_llm.first_token import first_token_question, read_labels
from microrank.local_llm.likelihood import likelihood_question, read_likelihoods
from microrank.local_llm.model import LocalModel
from microrank.local_llm.rows import Row
from microrank.local_llm.yes_no import read_yes_no, yes_no_question
from microrank.services.store import Entry, Request, Store

TITLES_AT_ONCE = 32  # of questions that share their prefix, such as those without a history
log = logging.getLogger(__name__)


def answer_locally(local: LocalModel, requests: Sequence[Request], store: Store) -> None:
    """Answer the requests, which the store lacks, and keep each answer as soon as it is there."""
    keeper = _Keeper(local, store)
    written = [request for request in requests if request["ask"] == "written"]
    read = [request for request in requests if request["ask"] != "written"]
    groups = list(_grouped(read))
    rows = [_row(local, group) for group in groups]
    log_probabilities(
        local,
        rows,
        done=lambda number, readings: keeper.keep_read(groups[number], rows[number], readings),
    )
    written.sort(key=_max_tokens)
    for max_tokens, same in groupby(written, _max_tokens):
        asked = list(same)
        prompts = [local.encode_chat(request["body"]["messages"]) for request in asked]
        write_answers(
            local,
            prompts,
            max_tokens,
            done=partial(keeper.keep_written, asked),
        )


def _max_tokens(request: Request) -> int:
    return int(request["body"]["max_tokens"])


def _grouped(requests: Sequence[Request]) -> Iterable[list[Request]]:
    """Requests that one row answers: titles after the same prefix; else one alone."""
    together: dict[str, list[Request]] = {}
    for request in requests:
        body = request["body"]
        if request["ask"] == "likelihood" and len(body["endings"]) == 1:
            together.setdefault(body["prefix"], []).append(request)
        else:
            yield [request]
    for same in together.values():
        for start in range(0, len(same), TITLES_AT_ONCE):
            yield same[start : start + TITLES_AT_ONCE]


def _row(local: LocalModel, group: Sequence[Request]) -> Row:
    ask, body = group[0]["ask"], group[0]["body"]
    if ask == "relevance":
        raise StudyError(
            f"{local.name}: a prompt with answer_format relevance needs `adapter: cross-encoder`; "
            "choose another prompt for a language model"
        )
    if ask == "likelihood":
        endings = [ending for request in group for ending in request["body"]["endings"]]
        return likelihood_question(local, body["prefix"], endings)
    if ask == "first-token":
        return first_token_question(local, body["messages"], body["n_labels"])
    return yes_no_question(local, body["chats"])


def _likelihood_answer(likelihoods: Sequence[tuple[float, int]]) -> dict[str, Any]:
    return {
        "log_probabilities": [log_probability for log_probability, _ in likelihoods],
        "n_tokens": [n_tokens for _, n_tokens in likelihoods],
    }


class _Keeper:
    """Turns what a model gave into entries of the store."""

    def __init__(self, local: LocalModel, store: Store) -> None:
        self._local, self._store = local, store
        self._last = time.monotonic()

    def keep_read(self, group: Sequence[Request], row: Row, readings: np.ndarray) -> None:
        """Keep what a row reads, one entry a request."""
        tokens = len(row) // len(group)
        latency_s = self._latency_s() / len(group)
        for request, answer in zip(group, self._answers(group, row, readings), strict=True):
            usage = {"prompt_tokens": tokens, "completion_tokens": 0}
            self._keep(request, answer, usage, latency_s)

    def keep_written(self, asked: Sequence[Request], number: int, answer: WrittenAnswer) -> None:
        """Keep the answer to a request by its number, in the shape of chat services' answers."""
        usage = {
            "prompt_tokens": answer.prompt_tokens,
            "completion_tokens": answer.completion_tokens,
        }
        message = {"role": "assistant", "content": answer.text}
        choice = {"index": 0, "message": message, "finish_reason": answer.finish_reason}
        self._keep(asked[number], {"choices": [choice], "usage": usage}, usage, self._latency_s())

    def _answers(
        self, group: Sequence[Request], row: Row, readings: np.ndarray
    ) -> list[dict[str, Any]]:
        ask, body = group[0]["ask"], group[0]["body"]
        if ask == "first-token":
            return [{"labels": read_labels(self._local, readings, body["n_labels"])}]
        if ask == "yes-no":
            yes, no = read_yes_no(self._local, readings).T.tolist()
            return [{"yes": yes, "no": no}]
        likelihoods = iter(read_likelihoods(row, readings))
        return [
            _likelihood_answer([next(likelihoods) for _ in request["body"]["endings"]])
            for request in group
        ]

    def _keep(
        self, request: Request, answer: Mapping[str, Any], usage: dict[str, int], latency_s: float
    ) -> None:
        served = f"{request['model']} ({request['weights'][:19]}, {request['dtype']})"
        body = json.dumps(answer, allow_nan=False)
        self._store.put(
            Entry(request, body, served_model=served, usage=usage, latency_s=round(latency_s, 4))
        )

    def _latency_s(self) -> float:
        """Seconds since the answer before."""
        now = time.monotonic()
        took, self._last = now - self._last, now
        return took
