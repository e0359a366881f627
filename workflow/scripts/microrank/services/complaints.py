"""What a server's own words say of the reason why it gives no answer."""

import json
import re
from collections.abc import Iterator
from typing import Any

# Codes of OpenAI and of those who follow it.
_NO_MONEY = frozenset(
    {
        "insufficient_quota",
        "billing_hard_limit_reached",
        "billing_not_active",
        "insufficient_balance",
        "insufficient_credits",
        "insufficient_user_quota",
    }
)
_NO_MONEY_WORDS = re.compile(
    r"insufficient.(quota|credits?|balance|funds)|exceeded your current quota"
    r"|credit balance is too low|out of credits|billing (hard limit|is not active|not active)",
    re.IGNORECASE,
)
_LENGTH = re.compile(
    r"context.?(length|size|window)|maximum context|exceed_context|too many (input )?tokens"
    r"|(prompt|input|request|text|sequence)[^.]{0,60} (is |are )?too (long|large)"
    r"|longer than the (maximum|model)|max(imum)?.?(model|sequence|input|prompt).?len"
    r"|physical batch size|must have less than \d+ tokens|reduce the length",
    re.IGNORECASE,
)


def is_about_money(body: str, *, has_wait_hint: bool) -> bool:
    """Whether a 429 means that the account has no credit left, which no waiting cures.

    Args:
        body: of the reply.
        has_wait_hint: whether the server also says how long to wait: then its words alone are no
            proof, since some servers speak of a quota that fills up again.
    """
    if any(code in _NO_MONEY for code in _codes(body)):
        return True
    return not has_wait_hint and bool(_NO_MONEY_WORDS.search(body))


def is_about_length(text: str) -> bool:
    """Whether a complaint says that the text is too long for the model or the server."""
    return bool(_LENGTH.search(text))


def wants_completion_limit(text: str) -> bool:
    """Whether a complaint asks for `max_completion_tokens` in the place of `max_tokens`."""
    return "max_completion_tokens" in text and "max_tokens" in text


def _codes(body: str) -> Iterator[str]:
    """The codes and types that an error's body names."""
    try:
        answer: Any = json.loads(body)
    except (ValueError, RecursionError):
        return
    error = answer.get("error", answer) if isinstance(answer, dict) else None
    if isinstance(error, dict):
        yield from (str(error[name]).lower() for name in ("code", "type") if name in error)
