"""Written answers: greedy decoding of many chats at once."""

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch

from microrank.local_llm.engine import is_of_memory
from microrank.local_llm.model import LocalModel

BATCH_TOKENS = {"cpu": 8192, "cuda": 65536}  # prompts with room for their answers, of one batch
log = logging.getLogger(__name__)


class WrittenAnswer(NamedTuple):
    """An answer of the model.

    Attributes:
        text: Without special tokens.
        finish_reason: `stop`, or `length` where it was cut.
        prompt_tokens: Tokens of the question.
        completion_tokens: Tokens of the answer.
    """

    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int


def write_answers(
    local: LocalModel,
    prompts: Sequence[Sequence[int]],
    max_tokens: int,
    *,
    batch_tokens: int | None = None,
    done: Callable[[int, WrittenAnswer], None] | None = None,
) -> list[WrittenAnswer]:
    """The likeliest next token again and again, until the model ends or `max_tokens` are out.

    Args:
        local: the model.
        prompts: tokens of each chat.
        max_tokens: of one answer.
        batch_tokens: of one batch; None takes the device's default.
        done: called with a prompt's number and answer as soon as it is there.
    """
    answers: dict[int, WrittenAnswer] = {}
    waiting = sorted(range(len(prompts)), key=lambda number: (-len(prompts[number]), number))
    limit = batch_tokens or BATCH_TOKENS[local.device]
    while waiting:
        size = max(1, limit // (len(prompts[waiting[0]]) + max_tokens))
        numbers, waiting = waiting[:size], waiting[size:]
        batch = _write(local, [prompts[number] for number in numbers], max_tokens)
        for number, answer in zip(numbers, batch, strict=True):
            answers[number] = answer
            if done:
                done(number, answer)
        log.info("%d of %d answers are written", len(answers), len(prompts))
    return [answers[number] for number in range(len(prompts))]


def _write(
    local: LocalModel, prompts: Sequence[Sequence[int]], max_tokens: int
) -> list[WrittenAnswer]:
    """One batch; where memory does not suffice, its halves."""
    try:
        return _generate(local, prompts, max_tokens)
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if not is_of_memory(error) or len(prompts) == 1:
            raise
        half = len(prompts) // 2
        log.warning("not enough memory for %d answers at once; trying %d", len(prompts), half)
    return [
        *_write(local, prompts[:half], max_tokens),
        *_write(local, prompts[half:], max_tokens),
    ]


@torch.inference_mode()
def _generate(
    local: LocalModel, prompts: Sequence[Sequence[int]], max_tokens: int
) -> list[WrittenAnswer]:
    longest, pad = max(map(len, prompts)), local.pad_token
    padded = [[pad] * (longest - len(prompt)) + list(prompt) for prompt in prompts]
    seen = [[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    written = local.model.generate(
        torch.tensor(padded, device=local.device),
        attention_mask=torch.tensor(seen, device=local.device),
        generation_config=local.greedy(max_tokens),
    )
    answers = written[:, longest:].tolist()
    return [_answer(local, prompt, tokens) for prompt, tokens in zip(prompts, answers, strict=True)]


def _answer(local: LocalModel, prompt: Sequence[int], tokens: list[int]) -> WrittenAnswer:
    ends = [place for place, token in enumerate(tokens) if token in local.end_tokens]
    length = ends[0] if ends else len(tokens)
    text = local.tokenizer.decode(tokens[:length], skip_special_tokens=True)
    reason = "stop" if ends else "length"
    return WrittenAnswer(text, reason, len(prompt), length + len(ends[:1]))
