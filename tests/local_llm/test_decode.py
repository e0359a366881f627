"""Written answers in batches are those of one chat at a time."""

import pytest
import torch
from local_llm import tiny_models
from microrank.local_llm import decode
from microrank.local_llm.decode import write_answers

LLAMA = tiny_models.local(tiny_models.random_llama(seed=5))


def slowly(prompt: list[int], max_tokens: int) -> list[int]:
    """Greedy decoding by the definition, a whole pass for each token."""
    tokens = list(prompt)
    while len(tokens) < len(prompt) + max_tokens and tokens[-1:] != [1]:
        with torch.inference_mode():
            tokens.append(int(LLAMA.model(torch.tensor([tokens])).logits[0, -1].argmax()))
    return tokens[len(prompt) :]


@pytest.mark.parametrize("batch_tokens", [1, 40, 1000])
def test_answers_in_batches_are_those_of_the_definition(batch_tokens) -> None:
    prompts = [[3, 4, 5, 6], [7], [30, 2, 30, 2, 9, 12], [20, 21]]
    answers = write_answers(LLAMA, prompts, 8, batch_tokens=batch_tokens)
    for prompt, answer in zip(prompts, answers, strict=True):
        expected = slowly(prompt, 8)
        ended = expected[-1] == 1
        assert answer.text == LLAMA.tokenizer.decode(expected, skip_special_tokens=True)
        assert answer.finish_reason == ("stop" if ended else "length")
        assert (answer.prompt_tokens, answer.completion_tokens) == (len(prompt), len(expected))


def test_too_little_memory_makes_batches_of_answers_smaller(monkeypatch) -> None:
    generate, sizes = decode._generate, []

    def narrow(local, prompts, max_tokens):
        sizes.append(len(prompts))
        if len(prompts) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return generate(local, prompts, max_tokens)

    monkeypatch.setattr(decode, "_generate", narrow)
    prompts = [[3, 4], [5, 6, 7], [8]]
    assert len(write_answers(LLAMA, prompts, 4)) == 3
    assert sizes == [3, 1, 2, 1, 1]


def test_an_answer_stops_where_the_planted_model_ends_it() -> None:
    counting = tiny_models.local(tiny_models.counting_llama())
    end, word = 1, tiny_models.WORDS.index("pies")
    [answer] = write_answers(counting, [[word] * 3 + [end] * 5], 8)
    assert (answer.text, answer.finish_reason, answer.completion_tokens) == ("", "stop", 1)
    [answer] = write_answers(counting, [[word] * 5 + [end]], 3)
    assert (answer.text, answer.finish_reason) == ("pies pies pies", "length")
