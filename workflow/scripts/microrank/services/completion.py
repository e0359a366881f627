"""What a chat answer in OpenAI's shape says, and when it is none."""

import json
from collections.abc import Mapping
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
    """Read a chat answer's body.

    Raises:
        Malformed: it is no complete answer.
    """
    answer = _json_object(body)
    choice = _first_choice(answer)
    finish_reason = str(choice.get("finish_reason") or "stop")
    text = _text(choice["message"].get("content"))
    if not text.strip() and finish_reason not in ("length", "content_filter"):
        raise Malformed("an empty choice")
    usage = answer["usage"] if isinstance(answer.get("usage"), dict) else {}
    return Completion(
        text=text,
        finish_reason=finish_reason,
        served_model=_served_model(answer),
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
    )


def _json_object(body: str) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        raise Malformed(f"no JSON but {body.strip()[:40]!r}") from None
    if not isinstance(answer, dict):
        raise Malformed("JSON, but no object")
    if answer.get("error"):
        raise Malformed(f"an error in a 200: {json.dumps(answer['error'])[:160]}")
    return answer


def _first_choice(answer: Mapping[str, Any]) -> dict[str, Any]:
    choices = answer.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
        raise Malformed("no choice in it")
    return choice


def _served_model(answer: Mapping[str, Any]) -> str | None:
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


def _count(value: Any) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31
    return value if is_count else None
