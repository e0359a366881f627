"""Shared prefixes and batches give what one text after the other gives."""

import logging
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from local_llm import tiny_models
from microrank.errors import StudyError
from microrank.local_llm import engine
from microrank.local_llm.engine import TOLERANCE, log_probabilities, shares_prefixes
from microrank.local_llm.rows import Row, likelihood_row, next_token_row, separated, visible

TOKENS = st.lists(st.integers(2, len(tiny_models.WORDS) - 1), min_size=1, max_size=9)
LLAMA = tiny_models.local(tiny_models.random_llama())


def slowly(local, prefix, ending) -> float:
    """log P(ending | prefix) by the definition: one pass of the model for each next token."""
    total = 0.0
    for length, token in enumerate(ending):
        with torch.inference_mode():
            logits = local.model(torch.tensor([[*prefix, *ending[:length]]])).logits[0, -1]
        total += float(logits.log_softmax(-1)[token])
    return total


def by_ending(row: Row, readings: np.ndarray) -> list[float]:
    return [float(readings[row.read_branches == n].sum()) for n in np.unique(row.read_branches)]


@settings(max_examples=15, deadline=None)
@given(prefix=TOKENS, endings=st.lists(TOKENS, min_size=1, max_size=6))
def test_a_shared_prefix_gives_each_endings_likelihood_by_the_definition(prefix, endings) -> None:
    row = likelihood_row(prefix, endings)
    assert shares_prefixes(LLAMA, [row])
    [readings] = log_probabilities(LLAMA, [row])
    expected = [slowly(LLAMA, prefix, ending) for ending in endings]
    assert by_ending(row, readings) == pytest.approx(expected, abs=1e-9)


@settings(max_examples=8, deadline=None)
@given(
    rows=st.lists(
        st.tuples(TOKENS, st.lists(TOKENS, min_size=1, max_size=4)), min_size=1, max_size=7
    ),
    batch_tokens=st.sampled_from([1, 30, 100, 10_000]),
)
def test_batches_of_any_size_give_the_same(rows, batch_tokens) -> None:
    made = [likelihood_row(prefix, endings) for prefix, endings in rows]
    alone = [log_probabilities(LLAMA, [row])[0] for row in made]
    for one, other in zip(
        alone, log_probabilities(LLAMA, made, batch_tokens=batch_tokens), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=0, atol=TOLERANCE["float64"])


def test_next_tokens_are_read_after_each_ending_and_after_a_bare_prefix() -> None:
    rows = [next_token_row([3, 4, 5], [[6, 7], [8]], [9, 10]), next_token_row([3, 4], [[]], [9])]
    readings = log_probabilities(LLAMA, rows)
    expected = [
        slowly(LLAMA, [3, 4, 5, *ending], [asked]) for ending in ([6, 7], [8]) for asked in (9, 10)
    ]
    np.testing.assert_allclose(readings[0], expected, atol=1e-9)
    np.testing.assert_allclose(readings[1], [slowly(LLAMA, [3, 4], [9])], atol=1e-9)


@pytest.mark.parametrize(
    ("model", "shares"),
    [
        (tiny_models.random_gpt2(), True),
        (tiny_models.windowed_mistral(8), False),
        (tiny_models.windowed_mistral(100), True),
    ],
)
def test_a_model_that_cannot_share_a_prefix_is_found_out_and_read_rightly(model, shares) -> None:
    local = tiny_models.local(model)
    prefix, endings = [3, 4, 5, 6, 7, 8, 9], [[10, 11, 12], [13, 14], [15]]
    row = likelihood_row(prefix, endings)
    assert shares_prefixes(local, [row]) is shares
    [readings] = log_probabilities(local, [row])
    expected = [slowly(local, prefix, ending) for ending in endings]
    assert by_ending(row, readings) == pytest.approx(expected, abs=1e-9)


def test_a_model_that_ignores_the_mask_is_not_trusted_with_a_shared_prefix(monkeypatch) -> None:
    local = tiny_models.local(tiny_models.random_llama())
    plain = type(local).logits

    def without_mask(self, inputs, places):
        kept = {name: value for name, value in inputs.items() if name != "attention_mask"}
        return plain(self, kept, places)

    monkeypatch.setattr(type(local), "logits", without_mask)
    row = likelihood_row([3, 4], [[5, 6], [7, 8]])
    assert not shares_prefixes(local, [row])
    [readings] = log_probabilities(local, [row])
    assert by_ending(row, readings)[1] == pytest.approx(slowly(local, [3, 4], [7, 8]), abs=1e-9)


def test_too_little_memory_makes_batches_smaller_and_changes_nothing(monkeypatch, caplog) -> None:
    rows = [likelihood_row([3 + n, 4], [[5, 6, 7], [8 + n]]) for n in range(6)]
    expected = log_probabilities(LLAMA, rows)
    forward, sizes = engine._forward, []

    def narrow(local, batch):
        sizes.append(sum(map(len, batch)))
        if sizes[-1] > 5:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(local, batch)

    monkeypatch.setattr(engine, "_forward", narrow)
    readings = log_probabilities(LLAMA, rows)
    assert max(sizes) > 5 >= min(sizes)
    for one, other in zip(expected, readings, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)
    assert "not enough memory for 6 texts at once; trying 3" in caplog.text


def test_one_text_that_does_not_fit_into_memory_is_an_error_of_one_line(monkeypatch) -> None:
    def never(local, batch):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(engine, "_forward", never)
    with pytest.raises(StudyError, match=r"llms\.tiny: not enough memory for one text of 3 tokens"):
        log_probabilities(LLAMA, [likelihood_row([3, 4], [[5]])])


def test_other_errors_of_the_model_are_not_taken_for_a_lack_of_memory() -> None:
    with pytest.raises(IndexError):
        log_probabilities(LLAMA, [likelihood_row([3, 10_000], [[5]])])


def test_a_question_longer_than_the_model_reads_is_refused() -> None:
    with pytest.raises(StudyError, match="has 301 tokens, and the model reads at most 256"):
        log_probabilities(LLAMA, [likelihood_row([3] * 300, [[5]])])


def test_an_ending_sees_the_prefix_and_itself_alone() -> None:
    row = likelihood_row([2, 3], [[4, 5], [6]])
    assert visible(row).astype(int).tolist() == [
        [1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0],
        [1, 1, 1, 1, 0],
        [1, 1, 0, 0, 1],
    ]
    assert row.positions.tolist() == [0, 1, 2, 3, 2]
    assert [part.tokens.tolist() for part in separated(row)] == [[2, 3, 4, 5], [2, 3, 6]]


def test_each_row_is_handed_on_as_soon_as_it_is_read() -> None:
    rows = [likelihood_row([3] * length, [[5]]) for length in (2, 30, 9)]
    seen: list[int] = []
    log_probabilities(LLAMA, rows, batch_tokens=1, done=lambda number, _: seen.append(number))
    assert seen == [1, 2, 0]


def test_progress_says_the_time_that_is_left(monkeypatch, caplog) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(engine, "PROGRESS_EVERY_S", 0.0)
    log_probabilities(LLAMA, [likelihood_row([3, 4], [[5]]) for _ in range(3)], batch_tokens=1)
    assert "3 of 9 tokens" in caplog.text
    assert "s left" in caplog.text


def test_readings_are_log_probabilities_that_sum_to_one() -> None:
    everything = range(len(tiny_models.WORDS))
    [readings] = log_probabilities(LLAMA, [next_token_row([3, 4], [[]], list(everything))])
    assert math.fsum(np.exp(readings)) == pytest.approx(1)
