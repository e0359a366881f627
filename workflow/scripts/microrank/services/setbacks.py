"""What a reply without an answer means: try again, ask in another form, or stop."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from microrank.services.complaints import is_about_length, is_about_money
from microrank.services.connection import Reply, complaint
from microrank.services.failures import (
    ADVICE_ON_LENGTH,
    PASSING,
    PUSHBACK,
    AskingStopped,
    Refused,
    advice,
)
from microrank.services.settings import Service
from microrank.services.wait_hints import wait_hint

OK = 200
PAYMENT_REQUIRED = 402
TOO_MANY_REQUESTS = 429
SERVER_ERROR = 500
REFUSING = frozenset({400, 413, 422})  # the request as it is; another form may be served


@dataclass(frozen=True)
class Setback:
    """Why a try brought no answer.

    Attributes:
        problem: in words.
        reply: where one came.
        max_tries: how often to try at most, where it is less than the service's setting.
    """

    problem: str
    reply: Reply | None = None
    max_tries: int | None = None

    @property
    def is_pushback(self) -> bool:
        """Whether the server speaks for all questions, and not for this one."""
        return self.reply is not None and self.reply.status in PUSHBACK

    def wait_hint(self) -> float | None:
        """Seconds that the server asks to wait."""
        reply = self.reply
        if reply is None or reply.status == OK:
            return None
        return wait_hint(reply.headers, reply.body, time.time(), is_pushback=self.is_pushback)


def setback_of(reply: Reply, body: Mapping[str, Any], service: Service) -> Setback:
    """What a reply with another status than 200 means, where the question is to be tried again.

    Args:
        reply: from the service.
        body: that was sent.
        service: that was asked.

    Raises:
        Refused: another form of the question may be served.
        AskingStopped: neither another form nor waiting helps.
    """
    setback = Setback(f"status {reply.status}: {complaint(reply)}", reply)
    problem = f"{service.name}: {service.base_url}: {setback.problem}"
    if _is_out_of_money(setback, reply):
        raise AskingStopped(f"{problem}; {advice(PAYMENT_REQUIRED, service.token_env)}")
    can_refuse = reply.status in REFUSING or reply.status >= SERVER_ERROR
    if can_refuse and not setback.is_pushback and is_about_length(complaint(reply)):
        raise Refused(problem, ADVICE_ON_LENGTH, is_too_long=True)
    # llama.cpp's servers say 500 where they mean 422.
    is_about_format = "response_format" in body and "response_format" in reply.body
    if reply.status in PASSING and not (can_refuse and is_about_format):
        return setback
    what_to_do = advice(reply.status, service.token_env)
    if can_refuse:
        raise Refused(problem, what_to_do)
    raise AskingStopped(f"{problem}; {what_to_do}")


def _is_out_of_money(setback: Setback, reply: Reply) -> bool:
    has_wait_hint = setback.wait_hint() is not None
    return reply.status == TOO_MANY_REQUESTS and is_about_money(
        reply.body, has_wait_hint=has_wait_hint
    )
