"""The lines of batch files: questions as they are sent, and what their answers amount to."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from microrank.services.adapters import adapter_of
from microrank.services.chat_model import (
    FORMAT_REFUSED,
    FORMAT_RUNS_ON,
    LIMIT_RENAMED,
    check_whole,
)
from microrank.services.complaints import wants_completion_limit
from microrank.services.connection import Reply
from microrank.services.failures import (
    AskingStopped,
    Malformed,
    QuestionFailed,
    Refused,
    WhiteSpace,
)
from microrank.services.setbacks import OK, setback_of
from microrank.services.settings import Service
from microrank.services.store import Entry, Request
from microrank.services.usage import Usage, usage_in

IN_BATCH = "answered in a batch"
ALWAYS = frozenset({FORMAT_REFUSED, LIMIT_RENAMED})  # forms that hold for all of a server's bodies
PATH_PREFIX = "/v1"  # of a batch's endpoint, whatever the service's own address is
UNASKED = frozenset({"batch_expired", "request_timeout"})  # codes of lines to be sent again
Form = frozenset[str]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What became of one question of a batch: exactly one of the first three.

    Attributes:
        entry: The answer, to be kept.
        again: In which form to ask again: it cost nothing, or another form may do.
        failure: Why there is no answer.
        usage: The tokens that it took.
    """

    entry: Entry | None = None
    again: Form | None = None
    failure: str | None = None
    usage: Usage = field(default_factory=Usage)


def form_of(entries: Sequence[Entry]) -> Form:
    """The form in which a server took the questions of these answers."""
    return ALWAYS & {note for entry in entries for note in entry.notes}


def body_in(form: Form, request: Request) -> dict[str, Any]:
    """A request's body in the form that the server takes."""
    body = dict(request["body"])
    if form & {FORMAT_REFUSED, FORMAT_RUNS_ON}:
        body.pop("response_format", None)
    if LIMIT_RENAMED in form and "max_tokens" in body:
        body["max_completion_tokens"] = body.pop("max_tokens")
    return body


def endpoint_of(request: Request) -> str:
    """The path that answers a request in a batch."""
    return PATH_PREFIX + adapter_of(request).path(request["body"])


def line_of(key: str, request: Request, form: Form) -> bytes:
    """A question's line of the file."""
    line = {
        "custom_id": key,
        "method": "POST",
        "url": endpoint_of(request),
        "body": body_in(form, request),
    }
    return json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def split_lines(
    lines: Mapping[str, bytes], most_lines: int, most_bytes: int
) -> Iterator[tuple[str, ...]]:
    """Cut a file where it would be too long; gives the keys of each part.

    Args:
        lines: Key → its line. One that is too long by itself is a part of its own.
        most_lines: Of a part.
        most_bytes: Of a part.
    """
    part: list[str] = []
    size = 0
    for key, line in lines.items():
        if part and (len(part) == most_lines or size + len(line) > most_bytes):
            yield tuple(part)
            part, size = [], 0
        part.append(key)
        size += len(line)
    if part:
        yield tuple(part)


def read_outcomes(
    requests: Mapping[str, Request], form: Form, text: str, service: Service
) -> dict[str, Outcome]:
    """What became of the questions, as far as the lines of output and error file tell.

    Args:
        requests: Key → request, of the batch.
        form: In which they were asked.
        text: The lines of both files. Lines that are broken or of other questions are told in the
            log; of two lines to one question the one with an answer counts.
        service: Which answered.
    """
    outcomes: dict[str, Outcome] = {}
    n_foreign = 0
    for line in _lines(text):
        key = line.get("custom_id")
        if not isinstance(key, str) or key not in requests:
            n_foreign += 1
        elif key not in outcomes or outcomes[key].entry is None:
            outcomes[key] = _outcome(requests[key], form, line, service)
    if n_foreign:
        log.warning("%s: %d lines of a batch are of no question of it", service.name, n_foreign)
    return outcomes


def _lines(text: str) -> Iterator[dict[str, Any]]:
    n_broken = 0
    for part in text.split("\n"):
        try:
            line = json.loads(part) if part.strip() else None
        except (ValueError, RecursionError):
            line = part
        if isinstance(line, dict):
            yield line
        elif line is not None:
            n_broken += 1
    if n_broken:
        log.warning(
            "%d lines of a batch are broken: their questions count as not answered", n_broken
        )


def _outcome(request: Request, form: Form, line: Mapping[str, Any], service: Service) -> Outcome:
    response, error = line.get("response"), line.get("error")
    if not isinstance(response, dict) or not response.get("body"):
        return _without_body(error, form)
    status = response.get("status_code", OK)
    text = json.dumps(response["body"], ensure_ascii=False)
    body = body_in(form, request)
    if status == OK:
        return _answered(request, form, text, service)
    reply = Reply(status if isinstance(status, int) else 0, {}, text, 0.0)
    try:
        setback_of(reply, body, service)
    except Refused as refused:
        return _refused(str(refused), form, body)
    except AskingStopped as stopped:
        return Outcome(failure=str(stopped))
    return Outcome(again=form)


def _without_body(error: Any, form: Form) -> Outcome:
    error = error if isinstance(error, dict) else {}
    if error.get("code") in UNASKED:
        return Outcome(again=form)
    words = [str(error[name]) for name in ("code", "message") if error.get(name)]
    return Outcome(failure=": ".join(words) or "a line without answer and error")


def _answered(request: Request, form: Form, text: str, service: Service) -> Outcome:
    body, usage = body_in(form, request), usage_in(text)
    try:
        completion = adapter_of(request).read(body, text)
        check_whole(completion, body)
    except WhiteSpace as white_space:
        if "response_format" in body:
            return Outcome(again=form | {FORMAT_RUNS_ON}, usage=usage)
        return Outcome(failure=str(white_space), usage=usage)
    except QuestionFailed as failed:
        return Outcome(failure=str(failed), usage=usage)
    except Malformed as malformed:
        return Outcome(failure=f"an unusable answer: {malformed}", usage=usage)
    entry = Entry(
        request=request,
        body=text,
        served_model=completion.served_model or body["model"],
        usage=completion.usage.to_json(),
        cost_usd=service.in_batches.cost_usd(completion.usage),
        notes=(*_notes(request, form), IN_BATCH),
    )
    return Outcome(entry=entry, usage=completion.usage)


def _refused(problem: str, form: Form, body: Mapping[str, Any]) -> Outcome:
    """Another form may be served."""
    has_limit = "max_tokens" in body and "max_completion_tokens" not in body
    if has_limit and wants_completion_limit(problem):
        return Outcome(again=form | {LIMIT_RENAMED})
    if "response_format" in body:
        return Outcome(again=form | {FORMAT_REFUSED})
    return Outcome(failure=problem)


def _notes(request: Request, form: Form) -> list[str]:
    """The parts of the form that changed this request."""
    field_of = {
        FORMAT_REFUSED: "response_format",
        FORMAT_RUNS_ON: "response_format",
        LIMIT_RENAMED: "max_tokens",
    }
    return sorted(note for note in form if field_of[note] in request["body"])
