"""What a chat answer in OpenAI's shape says, and when it is none."""

import json
from dataclasses import dataclass
from typing import Any

from microrank.services.failures import Malformed


@dataclass(frozen=True)
class Completion:
    """What a chat answer says."""

    text: str
    finish_reason: str
    served_model: str | None
    prompt_tokens: int | None
    completion_tokens: int | None


def read_completion(body: str) -> Completion:
    """The content of a chat answer's body.

    Raises:
        Malformed: it is no complete answer.
    """
    try:
        answer = json.loads(body)
    except ValueError:
        raise Malformed(f"no JSON but {body.strip()[:40]!r}") from None
    if not isinstance(answer, dict):
        raise Malformed("JSON, but no object")
    if answer.get("error"):
        raise Malformed(f"an error in a 200: {json.dumps(answer['error'])[:160]}")
    choices = answer.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise Malformed("no choice in it")
    finish_reason = str(choice.get("finish_reason") or "stop")
    text = _text(message.get("content"))
    if not text.strip() and finish_reason not in ("length", "content_filter"):
        raise Malformed("an empty choice")
    usage = answer["usage"] if isinstance(answer.get("usage"), dict) else {}
    served = answer.get("model")
    provider = answer.get("provider")
    served_model = (
        f"{served} by {provider}"
        if isinstance(served, str) and isinstance(provider, str)
        else served
    )
    return Completion(
        text=text,
        finish_reason=finish_reason,
        served_model=served_model if isinstance(served_model, str) else None,
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
    )


def _text(content: Any) -> str:
    """A message's content, a string or a list of parts, as text that is valid Unicode."""
    if isinstance(content, list):
        content = "".join(
            part["text"]
            for part in content
            if isinstance(part, dict) and isinstance(part.get("text"), str)
        )
    return content.encode("utf-8", "replace").decode("utf-8") if isinstance(content, str) else ""


def _count(value: Any) -> int | None:
    return (
        value
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31
        else None
    )
