"""What a chat answer in OpenAI's shape says, and when it is none."""

import functools
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from microrank.services.endings import Ending, ending_of
from microrank.services.failures import Malformed
from microrank.services.usage import Usage

REFUSAL = "refusal"  # the finish_reason of a refusal, however the server names its ending
TOOL_CALLS = ("tool_calls", "function_call")  # reasons to finish
PAID_TRIES = 2  # of answers that a server charges for, and would probably give again
THINKING_ONLY = (
    "only thinking and no answer: raise max_tokens, or have the model think less "
    "(`reasoning_effort`, `chat_template_kwargs`)"
)
NO_TOOLS = "forbid it by `extra: {tool_choice: none}`, or ask a model that calls no functions"
EMPTY = "an empty choice, without text, thinking, refusal or tool call: try another server or model"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Completion:
    """What a chat answer says. Of a refusal the text is empty."""

    text: str
    finish_reason: str
    served_model: str | None
    usage: Usage

    @property
    def prompt_tokens(self) -> int | None:
        """Tokens in, as the server counted them."""
        return self.usage.prompt_tokens

    @property
    def completion_tokens(self) -> int | None:
        """Tokens out, as the server counted them."""
        return self.usage.completion_tokens

    @property
    def is_refusal(self) -> bool:
        """Whether the model declined to answer."""
        return self.finish_reason == REFUSAL

    @property
    def is_tool_call(self) -> bool:
        """Whether the model called a function, with the answer as its arguments."""
        return self.finish_reason in TOOL_CALLS


def read_completion(body: str) -> Completion:
    """Read a chat answer's body.

    Its text is the message's content, or else the JSON in a tool call's arguments. A message that
    is a refusal gives an empty text and the finish_reason `refusal`.

    Raises:
        Malformed: it is no answer, or nothing says that it is whole.
    """
    answer = json_answer(body)
    choice = _first_choice(answer)
    text, finish_reason = _read_choice(choice)
    return Completion(text, finish_reason, served_model(answer), Usage.from_answer(answer))


def _read_choice(choice: Mapping[str, Any]) -> tuple[str, str]:
    """The text, and the finish_reason that goes with it."""
    reason = choice.get("finish_reason")
    ending = ending_of(reason if isinstance(reason, str) else None)
    _check_ending(ending, reason)
    message = choice["message"]
    text = _text(message.get("content"))
    if text.strip() or ending in (Ending.CUT, Ending.FILTERED):
        return text, str(reason)
    if ending is Ending.REFUSED or _is_refusal(message):
        return "", REFUSAL
    if arguments := _json_arguments(message):
        return arguments, str(reason)
    raise _empty(message)


def _check_ending(ending: Ending, reason: Any) -> None:
    if ending is Ending.UNKNOWN and reason:
        _warn_of_unknown(repr(reason)[:80])
    if ending in (Ending.UNKNOWN, Ending.BROKEN):
        raise Malformed(f"finish_reason {reason!r:.80} does not say that the answer is whole")


@functools.cache
def _warn_of_unknown(reason: str) -> None:
    log.warning(
        "finish_reason %s is unknown: nothing says that such an answer is whole, "
        "so that it counts as broken",
        reason,
    )


def _empty(message: Mapping[str, Any]) -> Malformed:
    """Why a message without text has none."""
    if names := [name for name, _ in _calls(message)]:
        called = ", ".join(names)[:80]
        return Malformed(f"a tool call ({called}) instead of an answer: {NO_TOOLS}", PAID_TRIES)
    thinking = (message.get(name) for name in ("reasoning_content", "reasoning", "thinking"))
    if any(isinstance(part, str) and part.strip() for part in thinking):
        return Malformed(THINKING_ONLY, PAID_TRIES)
    return Malformed(EMPTY)


def _is_refusal(message: Mapping[str, Any]) -> bool:
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    refusals = [message, *(part for part in parts if isinstance(part, dict))]
    return any(
        isinstance(part.get("refusal"), str) and part["refusal"].strip() for part in refusals
    )


def _calls(message: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Name and arguments of each function that a message calls."""
    calls = message.get("tool_calls")
    calls = [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    for function in [*(call.get("function") for call in calls), message.get("function_call")]:
        if isinstance(function, dict):
            yield str(function.get("name")), function.get("arguments")


def _json_arguments(message: Mapping[str, Any]) -> str | None:
    """The arguments of the first call that has any, where they are JSON."""
    for _, arguments in _calls(message):
        try:
            value = json.loads(arguments) if isinstance(arguments, str) else arguments
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict | list) and value:
            return _text(json.dumps(value, ensure_ascii=False))
    return None


def json_answer(body: str) -> dict[str, Any]:
    """Read a body as a JSON object.

    Raises:
        Malformed: it is none, or it says that something went wrong.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed(f"no JSON but {body.strip()[:40]!r}") from None
    if not isinstance(answer, dict):
        raise Malformed("JSON, but no object")
    _check_error(answer)
    return answer


def _check_error(section: Mapping[str, Any]) -> None:
    if section.get("error"):
        raise Malformed(f"an error in a 200: {json.dumps(section['error'])[:160]}")


def _first_choice(answer: Mapping[str, Any]) -> dict[str, Any]:
    choices = answer.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if isinstance(choice, dict):
        _check_error(choice)
    if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
        raise Malformed("no choice in it")
    _check_error(choice["message"])
    return choice


def served_model(answer: Mapping[str, Any]) -> str | None:
    """The model that answered, with its provider where the answer names it."""
    served, provider = answer.get("model"), answer.get("provider")
    if not isinstance(served, str):
        return None
    return f"{served} by {provider}" if isinstance(provider, str) else served


def _text(content: Any) -> str:
    """A message's content, a string or a list of parts, as text that is valid Unicode."""
    if isinstance(content, list):
        content = "".join(
            part["text"]
            for part in content
            if isinstance(part, dict) and isinstance(part.get("text"), str)
        )
    return content.encode("utf-8", "replace").decode("utf-8") if isinstance(content, str) else ""
