"""Which requests ask chat models, and when an answer to one is whole."""

from collections.abc import Mapping
from typing import Any

from microrank.services.adapters import adapter_of
from microrank.services.completion import Completion
from microrank.services.endings import Ending, ending_of
from microrank.services.failures import Malformed
from microrank.services.store import Request


def is_question(body: Mapping[str, Any]) -> bool:
    """Whether a request's body asks a language model or a cross-encoder, and no encoder."""
    return any(name in body for name in ("messages", "prompt", "query"))


def is_written(body: Mapping[str, Any]) -> bool:
    """Whether the answer's text counts; else log-probabilities or scores do."""
    return not body.get("logprobs") and "prompt_logprobs" not in body and "query" not in body


def completion_of(request: Request, text: str) -> Completion:
    """Read the answer to a request; of log-probabilities the text stays empty.

    Raises:
        Malformed: it is no such answer.
    """
    return adapter_of(request).read(request["body"], text)


def whole_answer(request: Request, text: str) -> Completion:
    """Read an answer that must be whole.

    Raises:
        Malformed: it is no whole answer.
    """
    completion = completion_of(request, text)
    if ending_of(completion.finish_reason) in (Ending.CUT, Ending.FILTERED):
        raise Malformed(f"finish_reason {completion.finish_reason!r}")
    return completion
