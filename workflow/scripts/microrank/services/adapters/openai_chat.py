"""OpenAI's `/chat/completions`, which most servers speak, and vLLM's `prompt_logprobs`."""

from typing import Any

from microrank.services.adapters.adapter import Adapter, Body, Messages, Parameters, Schema
from microrank.services.completion import Completion, read_completion
from microrank.services.logprobs import read_first_token, read_prompt

TOP_LOGPROBS = 20  # the most that OpenAI gives
# Sent where they are set, under their own names.
SAMPLING = (
    "temperature",
    "top_p",
    "max_tokens",
    "seed",
    "reasoning_effort",
    "chat_template_kwargs",
    "reasoning_format",
)


def _path(body: Body) -> str:
    return "/completions" if "prompt" in body else "/chat/completions"


def _written(
    parameters: Parameters, messages: Messages, schema: Schema | None = None
) -> dict[str, Any]:
    """Every sampling parameter is sent, so that no server's default shapes an answer."""
    sampling = {name: parameters[name] for name in SAMPLING if parameters[name] is not None}
    return {
        "model": parameters["model"],
        "messages": [dict(message) for message in messages],
        **parameters["extra"],
        **sampling,
        **_format(parameters["response_format"], schema),
    }


def _format(response_format: str, schema: Schema | None) -> dict[str, Any]:
    if schema is None or response_format == "none":
        return {}
    if response_format == "json_object":
        return {"response_format": {"type": "json_object"}}
    json_schema = {"name": "answer", "strict": True, "schema": dict(schema)}
    return {"response_format": {"type": "json_schema", "json_schema": json_schema}}


def _first_token(parameters: Parameters, messages: Messages) -> dict[str, Any]:
    """`extra` may ask for another number of tokens than OpenAI's most."""
    asked = {"logprobs": True, "top_logprobs": TOP_LOGPROBS}
    return asked | _written(parameters, messages) | {"max_tokens": 1}


def _prompt(parameters: Parameters, text: str) -> dict[str, Any]:
    body = {"model": parameters["model"], "prompt": text, **parameters["extra"]}
    return body | {"max_tokens": 1, "prompt_logprobs": 0}


def _read(body: Body, text: str) -> Completion:
    """Of log-probabilities the answer's text stays empty."""
    if "prompt_logprobs" in body:
        return read_prompt(text)
    return read_first_token(text) if body.get("logprobs") else read_completion(text)


OPENAI_CHAT = Adapter(_path, _written, _read, _first_token, _prompt)
