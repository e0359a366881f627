"""Log-probabilities in the answers of services: of an answer's first token, of a prompt's tokens.

The first is the shape of OpenAI's chat answers, which vLLM, llama.cpp's server and Ollama (from
0.12.11) give, too; the second is vLLM's `prompt_logprobs`.
"""

import math
from collections.abc import Mapping
from typing import Any

from microrank.services.completion import Completion, json_answer, served_model
from microrank.services.failures import Malformed
from microrank.services.usage import Usage

NO_LOGPROBS = (
    "no log-probabilities in it: this server or model gives none (OpenAI: none of reasoning "
    "models; vLLM: see --max-logprobs; Ollama: from 0.12.11); `ask: order` needs none"
)
NO_PROMPT_LOGPROBS = (
    "no prompt_logprobs in it: of the servers known here vLLM alone gives them; "
    "`ask: first-token` or `ask: order` needs none"
)
UNKNOWN = -9999.0  # what OpenAI writes for a token of hardly any probability
PAID_TRIES = 2  # of answers that a server charges for, and would probably give again


def read_first_token(body: str) -> Completion:
    """Read a chat answer of which only the first token's log-probabilities count.

    Raises:
        Malformed: it has none.
    """
    first_token_logprobs(body)
    return _completion(body)


def read_prompt(body: str) -> Completion:
    """Read an answer of which only the log-probabilities of the prompt's tokens count.

    Raises:
        Malformed: it has none.
    """
    prompt_logprobs(body)
    return _completion(body)


def first_token_logprobs(body: str) -> dict[str, float]:
    """Text -> log-probability, of the likeliest first tokens of a chat answer.

    White space around a token's text is cut off; tokens of the same text are summed.

    Raises:
        Malformed: there is none.
    """
    section = _choice(body).get("logprobs")
    content = section.get("content") if isinstance(section, dict) else None
    first = content[0] if isinstance(content, list) and content else None
    listed = first.get("top_logprobs") if isinstance(first, dict) else None
    found: dict[str, float] = {}
    for token in listed if isinstance(listed, list) else []:
        if isinstance(token, dict) and (value := _logprob(token)) is not None:
            text = str(token.get("token", "")).strip()
            found[text] = _log_sum(found.get(text, -math.inf), value)
    if not found:
        raise Malformed(NO_LOGPROBS, PAID_TRIES)
    return found


def prompt_logprobs(body: str) -> list[tuple[str, float | None]]:
    """Each prompt token's id and log-probability; the first one has none.

    Raises:
        Malformed: there is none, or not one token a place.
    """
    answer = json_answer(body)
    listed = _choice(body).get("prompt_logprobs", answer.get("prompt_logprobs"))
    if not isinstance(listed, list) or len(listed) < 2:
        raise Malformed(NO_PROMPT_LOGPROBS, PAID_TRIES)
    return [("", None), *(_prompt_token(place) for place in listed[1:])]


def _prompt_token(place: Any) -> tuple[str, float]:
    """A place's own token: the only one, as is asked for, or else the first, as vLLM sorts them."""
    tokens = place if isinstance(place, dict) else {}
    for token, entry in tokens.items():
        if isinstance(entry, dict) and (value := _logprob(entry)) is not None:
            return str(token), value
    raise Malformed("a token of the prompt without a log-probability", PAID_TRIES)


def _logprob(entry: Mapping[str, Any]) -> float | None:
    """A log-probability; None where it is no number or the server does not know it."""
    value = entry.get("logprob")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and value > UNKNOWN else None


def _log_sum(one: float, other: float) -> float:
    """log(e^one + e^other)."""
    return max(one, other) + math.log1p(math.exp(-abs(one - other)))


def _choice(body: str) -> dict[str, Any]:
    choices = json_answer(body).get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        raise Malformed("no choice in it")
    return choice


def _completion(body: str) -> Completion:
    answer = json_answer(body)
    return Completion("", "stop", served_model(answer), Usage.from_answer(answer))
