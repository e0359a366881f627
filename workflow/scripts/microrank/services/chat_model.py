"""One chat model behind a server, asked in the form that the server takes."""

import logging
from collections.abc import Mapping
from typing import Any

from microrank.services.adapters import adapter_of
from microrank.services.client import Call, Client
from microrank.services.complaints import wants_completion_limit
from microrank.services.completion import Completion
from microrank.services.endings import Ending, ending_of
from microrank.services.failures import OtherForm, QuestionFailed, Refused, WhiteSpace
from microrank.services.served import ServedModels
from microrank.services.store import Entry, Request
from microrank.services.tokens import answer_limit, chat_estimate

FORMAT_REFUSED = "asked without response_format, which the server refuses"
FORMAT_RUNS_ON = "asked without response_format, with which the answer ran into white space"
LIMIT_RENAMED = "asked with max_completion_tokens, since the server refuses max_tokens"
WHITE_SPACE_SHARE = 0.5  # of a cut answer's characters, from which on it ran into white space
log = logging.getLogger(__name__)


class ChatModel:
    """Asks one request after the other, and remembers what the server refuses.

    A request keeps its key in whatever form it is asked; the entry notes the form.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._served = ServedModels(client.service.name)
        self._format_is_refused = False
        self._limit_is_renamed = False
        self._has_run_on = False

    def answer(self, request: Request) -> Entry:
        """Ask one request until it is answered, if need be in another form.

        Raises:
            QuestionFailed: this question has no answer.
            AskingStopped: nothing more is to be asked.
        """
        dropped: OtherForm | None = None
        while True:
            body = self._body(request, with_format=dropped is None)
            try:
                entry = self._ask(request, body, self._notes(request, body, dropped))
            except OtherForm as failed:
                if self._rename_limit(failed, body):
                    continue
                if dropped is not None or "response_format" not in body:
                    self._client.give_up(failed)
                dropped = failed
            else:
                self._warn(dropped)
                self._served.note(body["model"], entry.served_model)
                return entry

    def _body(self, request: Request, *, with_format: bool) -> dict[str, Any]:
        """The body in the form that the server takes."""
        body = dict(request["body"])
        if not with_format or self._format_is_refused:
            body.pop("response_format", None)
        if self._limit_is_renamed and "max_tokens" in body:
            body["max_completion_tokens"] = body.pop("max_tokens")
        return body

    def _notes(
        self, request: Request, body: Mapping[str, Any], dropped: OtherForm | None
    ) -> tuple[str, ...]:
        """How the body differs from the request."""
        notes = []
        if "response_format" in request["body"] and "response_format" not in body:
            runs_on = isinstance(dropped, WhiteSpace)
            notes.append(FORMAT_RUNS_ON if runs_on else FORMAT_REFUSED)
        if "max_tokens" in request["body"] and "max_tokens" not in body:
            notes.append(LIMIT_RENAMED)
        return tuple(notes)

    def _rename_limit(self, failed: OtherForm, body: Mapping[str, Any]) -> bool:
        """Whether the server wants the limit under its newer name, which is used from now on."""
        if "max_tokens" not in body or "max_completion_tokens" in body:
            return False
        if not isinstance(failed, Refused) or not wants_completion_limit(str(failed)):
            return False
        if not self._limit_is_renamed:
            self._limit_is_renamed = True
            log.info(
                "%s: the server refuses max_tokens; asking with max_completion_tokens",
                self._client.service.name,
            )
        return True

    def _warn(self, dropped: OtherForm | None) -> None:
        """Say once that the server answers without `response_format` only."""
        name = self._client.service.name
        if isinstance(dropped, Refused) and not self._format_is_refused:
            self._format_is_refused = True
            log.warning(
                "%s: the server refuses response_format (%s); asking without it", name, dropped
            )
        if isinstance(dropped, WhiteSpace) and not self._has_run_on:
            self._has_run_on = True
            log.warning(
                "%s: %s; such questions are asked again without it: "
                "`response_format: json_object` or `none` would save the first try, "
                "but has all questions of this model asked anew",
                name,
                dropped,
            )

    def _ask(self, request: Request, body: Mapping[str, Any], notes: tuple[str, ...]) -> Entry:
        service, adapter = self._client.service, adapter_of(request)
        call = Call(
            f"{service.base_url}{adapter.path(body)}",
            body,
            chat_estimate(body),
            read=lambda reply: adapter.read(body, reply.body),
            usage=lambda completion: completion.usage,
            check=lambda completion: check_whole(completion, body),
        )
        completion, reply = self._client.ask(call)
        provider = reply.headers.get("x-inference-provider")
        served = completion.served_model or body["model"]
        return Entry(
            request=request,
            body=reply.body,
            served_model=f"{served} by {provider}" if provider else served,
            usage=completion.usage.to_json(),
            latency_s=None if adapter.is_simulated else round(reply.latency_s, 4),
            cost_usd=service.cost_usd(completion.usage),
            notes=notes,
        )


def check_whole(completion: Completion, body: Mapping[str, Any]) -> None:
    """Check that an answer was neither cut nor withheld.

    Args:
        completion: the answer.
        body: what was asked.

    Raises:
        WhiteSpace: it was cut, having run into white space.
        QuestionFailed: it is not whole, and asking again would not better it.
    """
    ending = ending_of(completion.finish_reason)
    if ending is Ending.FILTERED:
        raise QuestionFailed("the answer is not whole: the service's content filter withheld it")
    if ending is not Ending.CUT:
        return
    cut = f"the answer is not whole: it was cut at max_tokens ({answer_limit(body)})"
    if _is_white_space(completion.text):
        raise WhiteSpace(
            f"{cut}, having run into white space"
            + (" under response_format" if "response_format" in body else "")
        )
    if not completion.text.strip():
        raise QuestionFailed(
            f"{cut} within its thinking: raise max_tokens, or have the model think less "
            "(`reasoning_effort`, `chat_template_kwargs`)"
        )
    raise QuestionFailed(f"{cut}: raise max_tokens")


def _is_white_space(text: str) -> bool:
    """Whether a cut answer has a beginning, and then little but white space."""
    n_spaces = sum(character.isspace() for character in text)
    return bool(text.strip()) and n_spaces > WHITE_SPACE_SHARE * len(text)
