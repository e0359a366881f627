"""What kinds of answers requests to chat models ask for, and when an answer is one of its kind."""

from collections.abc import Mapping
from typing import Any

from microrank.services.completion import Completion, read_completion, whole_completion
from microrank.services.logprobs import read_first_token, read_prompt

Body = Mapping[str, Any]


def is_question(body: Body) -> bool:
    """Whether a request's body asks a chat model, and no encoder."""
    return "messages" in body or "prompt" in body


def path_of(body: Body) -> str:
    """Where a body is posted, below the service's address."""
    return "/completions" if "prompt" in body else "/chat/completions"


def is_written(body: Body) -> bool:
    """Whether the answer's text counts; else log-probabilities do."""
    return not body.get("logprobs") and "prompt_logprobs" not in body


def read_answer(body: Body, text: str) -> Completion:
    """Read the answer to a request's body; of log-probabilities the text stays empty.

    Raises:
        Malformed: it is no such answer.
    """
    return read_completion(text) if is_written(body) else _read_logprobs(body, text)


def whole_answer(body: Body, text: str) -> Completion:
    """Read an answer that must be whole.

    Raises:
        Malformed: it is no whole answer.
    """
    return whole_completion(text) if is_written(body) else _read_logprobs(body, text)


def _read_logprobs(body: Body, text: str) -> Completion:
    return read_prompt(text) if "prompt_logprobs" in body else read_first_token(text)
