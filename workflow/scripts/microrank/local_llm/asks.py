"""The ways to ask a language model in this process, by the settings of a re-ranker."""

from collections.abc import Callable, Mapping
from typing import Any

from microrank.errors import StudyError
from microrank.llm.prompts import Prompt
from microrank.local_llm.first_token import FirstToken
from microrank.local_llm.in_turn import InTurn
from microrank.local_llm.likelihood import Likelihood
from microrank.local_llm.pairwise import Pairwise
from microrank.local_llm.relevance import Relevance
from microrank.local_llm.requests import Ask
from microrank.local_llm.setwise import Setwise
from microrank.local_llm.written import Written
from microrank.local_llm.yes_no import YesNo

MAX_TOKENS = 512  # of a written answer, where the entry of `llms` does not say
TOP, SET_SIZE = 10, 3  # places that are sorted, and candidates of one question
# `ask` -> the answer formats of the prompts that it works with.
FORMATS = {
    "order": ("ids", "numbers"),
    "scores": ("scores",),
    "first-token": ("labels",),
    "yes-no": ("yes-no",),
    "likelihood": ("titles",),
    "relevance": ("relevance",),
    "setwise": ("labels",),
    "pairwise": ("labels",),
}


def ask_of(
    name: str, reranker: Mapping[str, Any], prompt: Prompt, max_tokens: int | None
) -> Ask | InTurn:
    """The way to ask that a re-ranker's settings name, or else its prompt's format.

    Args:
        name: of the re-ranker, for messages.
        reranker: its settings.
        prompt: its prompt.
        max_tokens: of a written answer; None takes 512.

    Raises:
        StudyError: the prompt wants other answers than the way of asking gives.
    """
    ask = reranker.get("ask") or ask_of_format(prompt.answer_format)
    if prompt.answer_format not in FORMATS[ask]:
        raise StudyError(
            f"config: rerankers.{name}: ask: {ask} needs a prompt with answer_format "
            f"{' or '.join(FORMATS[ask])}, and {reranker['prompt']} has {prompt.answer_format}"
        )
    return _made(ask, reranker, prompt, max_tokens or MAX_TOKENS)


def _made(ask: str, reranker: Mapping[str, Any], prompt: Prompt, max_tokens: int) -> Ask | InTurn:
    setting, top = reranker.get, reranker.get("top", TOP)
    ways: dict[str, Callable[[], Ask | InTurn]] = {
        "likelihood": lambda: Likelihood(prompt, setting("per", "token"), setting("prior", False)),
        "first-token": lambda: FirstToken(prompt, setting("calibrate", False)),
        "yes-no": lambda: YesNo(prompt),
        "relevance": lambda: Relevance(prompt),
        "setwise": lambda: Setwise(prompt, top, setting("set_size", SET_SIZE)),
        "pairwise": lambda: Pairwise(prompt, top),
    }
    return ways.get(ask, lambda: Written(prompt, max_tokens))()


def ask_of_format(answer_format: str) -> str:
    """The way to ask that goes with a prompt's answer format."""
    return next(ask for ask, formats in FORMATS.items() if answer_format in formats)
