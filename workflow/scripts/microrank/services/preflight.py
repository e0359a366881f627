"""Can each configured model be asked? A few tiny questions tell."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from microrank.errors import StudyError
from microrank.services.budget import Budget
from microrank.services.chat import ChatSettings
from microrank.services.client import Call, Client
from microrank.services.completion import Completion, read_completion
from microrank.services.connection import BROKEN, Reply
from microrank.services.embedding_settings import EmbeddingSettings
from microrank.services.failures import Malformed, QuestionFailed, Refused
from microrank.services.served import plain_model
from microrank.services.settings import Service
from microrank.services.tokens import Estimate
from microrank.services.vectors import read_embeddings

SCHEMA = {
    "type": "object",
    "properties": {"ranking": {"type": "array", "items": {"type": "integer"}}},
    "required": ["ranking"],
    "additionalProperties": False,
}
ENOUGH = Estimate(136, 64, 400)

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True)
class Finding:
    """What one check of one model found; `to_do` where something is to be done."""

    check: str
    result: str
    to_do: str = ""


def preflight_page(
    checks: Mapping[str, Callable[[], Sequence[Finding]]], *, offline: bool = False
) -> str:
    """Run every model's checks, and tell in Markdown what they found, also of those that fail.

    Args:
        checks: name → checks.
        offline: the config's `store.offline`.

    Raises:
        StudyError: nobody is to be asked.
    """
    if offline:
        raise StudyError(
            "config: store.offline is true: nobody is asked, so nothing can be said of services; "
            "set it to false to check them"
        )
    lines = [
        "# Preflight",
        "",
        "A few tiny questions to each configured model; their answers are not kept.",
        "",
    ]
    for name, check in checks.items():
        try:
            findings = check()
        except StudyError as error:
            findings = [Finding("can be asked", "no", str(error).removeprefix(f"{name}: "))]
        to_do = [f"- {one.check}: {one.to_do}" for one in findings if one.to_do]
        log.info("%s: %s", name, "ready" if not to_do else "; ".join(line[2:] for line in to_do))
        lines += [
            f"## {name}: {'ready' if not to_do else 'see below'}",
            "",
            "| check | result |",
            "|---|---|",
        ]
        lines += [f"| {one.check} | {_cell(one.result)} |" for one in findings]
        lines += ["", *(["To do:", "", *to_do, ""] if to_do else [])]
    return "\n".join(lines).rstrip() + "\n"


def check_chat(service: Service, settings: ChatSettings, budget: Budget) -> list[Finding]:
    """Four tiny questions and a look at the server's list of models.

    Raises:
        StudyError: the model cannot be asked at all; the message says what to do.
    """
    service = replace(
        service, max_tries=min(service.max_tries, 2), max_wait_s=min(service.max_wait_s, 60.0)
    )
    token = service.token("it asks for a token")
    with Client(service, token, budget) as client:

        def ask(
            text: str, schema: Mapping[str, Any] | None = None, **changes: Any
        ) -> tuple[Completion, Reply]:
            tiny = replace(settings, max_tokens=64, **changes)
            body = tiny.request([{"role": "user", "content": text}], 0, schema)["body"]
            url = f"{service.base_url}/chat/completions"
            return client.ask(Call(url, body, ENOUGH, _read))

        completion, reply = _or_stop(client, lambda: ask("Answer with the one word: ready"))
        served = completion.served_model or "not said"
        provider = reply.headers.get("x-inference-provider")
        findings = [
            Finding("reached", f"yes, at {service.base_url}"),
            Finding(
                "token",
                f"accepted ({service.token_env})"
                if token
                else "none is configured, none is needed",
            ),
            Finding(
                "served",
                f"{served}{f' by {provider}' if provider else ''}",
                _other_model(settings.model, served),
            ),
            Finding(
                "one tiny question",
                f"{reply.latency_s:.2f} s, {completion.completion_tokens or 'unknown'} tokens out",
            ),
            *_listed(client, settings.model),
            _check_schema(settings, ask),
            _check_seed(ask),
        ]
    if completion.prompt_tokens is None:
        findings.append(
            Finding(
                "usage",
                "not reported",
                "tokens and cost of this model cannot be counted; budget by requests",
            )
        )
    return findings


def check_encoder(name: str, section: Mapping[str, Any], budget: Budget) -> list[Finding]:
    """One tiny batch of texts to an encoder's service.

    Raises:
        StudyError: it cannot be asked; the message says what to do.
    """
    settings = EmbeddingSettings.from_config(section)
    service = Service.from_config(
        name, {"max_tries": 2, "max_wait_s": 60.0, **section}, settings.base_url
    )
    texts = ["a cat plays the piano", "ten minutes of rain"]
    token = service.token("it asks for a token")
    with Client(service, token, budget) as client:

        def read(reply: Reply) -> Any:
            return read_embeddings(reply.body, len(texts), settings.token_pooling)

        (vectors, tokens, served), reply = _or_stop(
            client,
            lambda: client.ask(
                Call(settings.url(service.base_url), settings.batch(texts), ENOUGH, read)
            ),
        )
    return [
        Finding("reached", f"yes, at {settings.url(service.base_url)}"),
        Finding(
            "token",
            f"accepted ({service.token_env})" if token else "none is configured, none is needed",
        ),
        Finding("served", served or "not said", _other_model(settings.model, served or "not said")),
        Finding(
            "one tiny batch",
            f"{reply.latency_s:.2f} s, {vectors.shape[1]} numbers a text, "
            f"{tokens or 'unknown'} tokens",
        ),
    ]


def _read(reply: Reply) -> Completion:
    return read_completion(reply.body)


def _or_stop(client: Client, ask: Callable[[], T]) -> T:
    """Turn what concerns one question into what concerns the model."""
    try:
        return ask()
    except QuestionFailed as failed:
        raise StudyError(str(client.stopped or failed)) from failed


def _other_model(asked: str, served: str) -> str:
    if served == "not said" or plain_model(asked) == plain_model(served):
        return ""
    return (
        f"{asked} was asked for, {served} answers: "
        "pin the model's full name (and provider), or accept it; the report shows it"
    )


def _check_schema(settings: ChatSettings, ask: Callable[..., tuple[Completion, Reply]]) -> Finding:
    name = f"response_format ({settings.response_format})"
    if settings.response_format == "none":
        return Finding(name, "not asked for")
    try:
        text = ask('Sort 3, 1, 2. Answer as JSON, {"ranking": [...]}.', SCHEMA)[0].text
    except Refused:
        return Finding(
            name,
            "refused by the server; questions will go without it "
            "(set `response_format: none` to save the first try)",
        )
    except QuestionFailed as failed:
        return Finding(name, f"unknown: {failed}")
    try:
        answer = json.loads(text)
        honoured = isinstance(answer, dict) and isinstance(answer.get("ranking"), list)
    except ValueError:
        honoured = False
    return Finding(
        name, "honoured" if honoured else "accepted but ignored; answers are parsed as they come"
    )


def _check_seed(ask: Callable[..., tuple[Completion, Reply]]) -> Finding:
    try:
        texts = [ask("Write six random words.", temperature=1.0, seed=7)[0].text for _ in range(2)]
    except QuestionFailed as failed:
        return Finding("seed", f"unknown: {failed}")
    return Finding(
        "seed",
        "honoured (same answer twice)"
        if texts[0] == texts[1]
        else "not honoured; the store alone makes runs repeatable",
    )


def _listed(client: Client, model: str) -> list[Finding]:
    """What the server's list of models says of the model, of its providers and their prices."""
    try:
        reply = client.connection.send("GET", f"{client.service.base_url}/models")
        entries = json.loads(reply.body)["data"] if reply.status == 200 else None
        listed = {str(entry["id"]): entry for entry in entries or []}
    except (*BROKEN, Malformed, ValueError, KeyError, TypeError):
        entries, listed = None, {}
    if not entries:
        return [Finding("in the server's list of models", "it gives no list")]
    name, _, provider = model.partition(":")
    entry = listed.get(model) or listed.get(name)
    if entry is None:
        return [
            Finding("in the server's list of models", f"no; it has {', '.join(sorted(listed)[:5])}")
        ]
    findings = [Finding("in the server's list of models", "yes")]
    providers = entry.get("providers")
    if isinstance(providers, list):
        findings.append(
            Finding(
                "providers",
                "; ".join(_offer(one) for one in providers if isinstance(one, dict)) or "none",
            )
        )
        known = {str(one.get("provider")) for one in providers if isinstance(one, dict)}
        if not provider:
            findings.append(
                Finding(
                    "provider pinned",
                    "no",
                    f"the default may change between runs: `model: {name}:PROVIDER`",
                )
            )
        elif provider not in known:
            findings.append(
                Finding(
                    "provider pinned",
                    provider,
                    f"{provider} does not serve it; choose of {', '.join(sorted(known))}",
                )
            )
    return findings


def _offer(provider: Mapping[str, Any]) -> str:
    price = provider.get("pricing")
    tail = (
        f" {price.get('input', '?')}/{price.get('output', '?')} USD a million tokens"
        if isinstance(price, dict)
        else ""
    )
    return f"{provider.get('provider')}{tail}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
