"""Can a chat model be asked? One question of the study tells."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NoReturn

from microrank.errors import StudyError
from microrank.services.answers import completion_of, is_written
from microrank.services.batch_client import BatchClient
from microrank.services.budget import Budget
from microrank.services.chat import check_bounded, prompt_was_cut
from microrank.services.chat_model import FORMAT_REFUSED, FORMAT_RUNS_ON, LIMIT_RENAMED, ChatModel
from microrank.services.client import Client
from microrank.services.completion import Completion
from microrank.services.expectation import Expectations
from microrank.services.failures import QuestionFailed
from microrank.services.model_list import listed_model
from microrank.services.preflight import Finding
from microrank.services.served import plain_model
from microrank.services.settings import BATCH, Service
from microrank.services.store import Entry, Request

MAX_TRIES = 2
MAX_WAIT_S = 60.0
NO_FORMAT = "set `response_format: none` to save the first try"
NO_SEED = "unknown: the entry sets no seed"
ZERO_TEMPERATURE = "unknown: at temperature 0 the same answer twice would prove nothing"


def check_chat(
    service: Service,
    request: Request,
    budget: Budget,
    expectations: Expectations | None = None,
) -> list[Finding]:
    """Ask one question of the study, with the study's settings.

    The answer is not kept, but the tokens that it took are: the forecast goes by them.

    Only where a seed can be told from none, the question is asked a second time.

    Args:
        service: how to ask.
        request: the question.
        budget: what may be spent.
        expectations: where the tokens are remembered; None: nowhere.

    Raises:
        StudyError: the model cannot be asked, or gives no whole answer; the message says what to
            do.
    """
    check_bounded([request], budget, service.name)
    token = service.token("it asks for a token")
    with Client(hasty(service), token, budget) as client:
        model = ChatModel(client)
        try:
            entry = model.answer(request)
        except QuestionFailed as failed:
            _stop(client, failed)
        if expectations:
            expectations.note_preflight(entry)
        completion = completion_of(request, entry.body)
        return [
            *reached(service, service.base_url, token),
            served(request["body"]["model"], entry.served_model),
            _answered(entry, completion),
            *listed_model(client, request["body"]["model"]),
            *_batches(client),
            _format(request, entry, completion),
            _seed(model, request, completion) if is_written(request["body"]) else _read(request),
            *_notable(entry, completion),
        ]


def _read(request: Request) -> Finding:
    """What an answer gives that has no text."""
    if "query" in request["body"]:
        return Finding("scores", "one for each candidate")
    return Finding("log-probabilities", "given")


def _batches(client: Client) -> list[Finding]:
    """Where questions go in batches, whether the service has any; one that has lists them."""
    if client.service.mode != BATCH:
        return []
    next(BatchClient(client.service, client.connection).listed(), None)
    return [Finding("batches", "served")]


def hasty(service: Service) -> Service:
    """The service with less patience: whoever waits for a check wants to know soon."""
    return replace(
        service,
        max_tries=min(service.max_tries, MAX_TRIES),
        max_wait_s=min(service.max_wait_s, MAX_WAIT_S),
    )


def reached(service: Service, url: str, token: str | None) -> list[Finding]:
    """Report that the service answered, and whether it needed a token."""
    with_token = (
        f"accepted ({service.token_env})" if token else "none is configured, none is needed"
    )
    return [Finding("reached", f"yes, at {url}"), Finding("token", with_token)]


def served(asked: str, answered: str | None) -> Finding:
    """Which model answered."""
    if answered is None:
        return Finding("served", "unknown: the server does not say")
    to_do = (
        f"{asked} was asked for, {answered} answers: "
        "pin the model's full name (and provider), or accept it; the report shows it"
    )
    is_same = plain_model(asked) == plain_model(answered)
    return Finding("served", answered, "" if is_same else to_do)


def _stop(client: Client, failed: QuestionFailed) -> NoReturn:
    """Turn what concerns one question into what concerns the model."""
    raise StudyError(str(client.stopped or failed)) from failed


def _answered(entry: Entry, completion: Completion) -> Finding:
    usage = completion.usage
    tokens_in, tokens_out = (
        "unknown" if count is None else str(count)
        for count in (usage.prompt_tokens, usage.completion_tokens)
    )
    thinking = f", of them {usage.reasoning_tokens} thinking" if usage.reasoning_tokens else ""
    result = f"{entry.latency_s:.2f} s, {tokens_in} tokens in, {tokens_out} tokens out{thinking}"
    return Finding("one question of the study's size", result)


def _format(request: Request, entry: Entry, completion: Completion) -> Finding:
    """What became of `response_format`."""
    wanted = request["body"].get("response_format")
    if wanted is None:
        return Finding("response_format", "not asked for")
    check = f"response_format ({wanted['type']})"
    if FORMAT_REFUSED in entry.notes:
        return Finding(check, f"refused by the server; questions go without it ({NO_FORMAT})")
    if FORMAT_RUNS_ON in entry.notes:
        to_do = f"each question is asked, and paid for, twice: {NO_FORMAT}"
        return Finding(check, "ran into white space", to_do)
    if completion.is_refusal:
        return Finding(check, "unknown: the model refused to answer")
    if _has_keys(completion.text, wanted):
        return Finding(check, "honoured")
    return Finding(check, "accepted but ignored; answers are parsed as they come")


def _has_keys(text: str, wanted: Mapping[str, Any]) -> bool:
    """Whether an answer is a JSON object with the keys that the schema requires."""
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return False
    required = wanted.get("json_schema", {}).get("schema", {}).get("required", [])
    return isinstance(answer, dict) and set(required) <= set(answer)


def _seed(model: ChatModel, request: Request, first: Completion) -> Finding:
    """Whether the same question with the same seed has the same answer."""
    body = request["body"]
    if body.get("seed") is None:
        return Finding("seed", NO_SEED)
    if body.get("temperature") == 0:
        return Finding("seed", ZERO_TEMPERATURE)
    if first.is_refusal:
        return Finding("seed", "unknown: the model refused to answer")
    try:
        second = completion_of(request, model.answer(request).body)
    except QuestionFailed as failed:
        return Finding("seed", f"unknown: {failed}")
    if second.text == first.text:
        return Finding("seed", "honoured (same answer twice)")
    return Finding("seed", "not honoured; the store alone makes runs repeatable")


def _notable(entry: Entry, completion: Completion) -> list[Finding]:
    """Report what is out of the ordinary."""
    findings = []
    if LIMIT_RENAMED in entry.notes:
        findings.append(Finding("max_tokens", "refused; sent as max_completion_tokens"))
    if completion.is_refusal:
        to_do = "try another model or prompt; a refusal is kept, and names nothing"
        findings.append(Finding("refusal", "the model refused to answer", to_do))
    if completion.prompt_tokens is None:
        to_do = "tokens and cost of this model cannot be counted; budget by requests"
        findings.append(Finding("usage", "not reported", to_do))
    if prompt_was_cut(entry):
        to_do = (
            "give the model a longer context (Ollama: OLLAMA_CONTEXT_LENGTH or num_ctx), "
            "or lower `subset.history_length`"
        )
        result = f"probably cut: the server counted {completion.prompt_tokens} tokens"
        findings.append(Finding("prompt", result, to_do))
    return findings
