"""The fast loss equals the plain one, which materialises users × positions × history × d.

The plain form is the oracle, in float64.
"""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from microrank.nfm import hidden_layer
from microrank.nfm.chunks import Chunks
from microrank.nfm.hidden_layer import BlocksOfPairs, LayerOfUser, Pairs
from microrank.nfm.histories import Histories
from microrank.nfm.loss import Batch, batch_loss
from microrank.nfm.model import NFM

N_ITEMS = 12


def plain_loss(model: NFM, batch: Batch) -> torch.Tensor:
    """As the formulas read: every user meets every position, and has one logit a position.

    The target competes once.
    """
    positions = torch.cat(
        [
            batch.candidates.repeat_interleave(batch.weight.long()),
            torch.zeros(batch.pads, dtype=torch.long),
        ]
    )
    n = len(batch.history)
    inputs = model.items(batch.history) * (batch.history != 0)[..., None]
    inputs = inputs * torch.exp(-model.recency_decay * (batch.distances.double() - 1))[..., None]
    candidates = model.items(positions) * (positions != 0)[:, None]
    pairs = torch.zeros(n, len(positions), inputs.shape[2], dtype=torch.float64)
    for one in range(inputs.shape[1]):
        before_candidate = inputs[:, one]
        if model.field_matrix is not None:
            before_candidate = before_candidate @ model.field_matrix.weight.T
        pairs = pairs + before_candidate[:, None] * candidates
        for other in range(one):
            pairs = pairs + (inputs[:, one] * inputs[:, other])[:, None]
    hidden = torch.relu(model.hidden(model.norm(pairs.flatten(0, 1))))
    scores = model.output(hidden).view(n, -1)
    if model.relu_on_score:
        scores = scores.relu()
    real = positions != 0
    column = torch.searchsorted(batch.candidates, positions[real])
    logits = scores[:, real] + (batch.log_q_correction - batch.weight.log())[column]
    left_out = torch.zeros(n, len(batch.candidates), dtype=torch.bool)
    left_out[batch.user_items] = True
    left_out = left_out[:, column] | (column == batch.target[:, None])
    first_copy = torch.searchsorted(positions[real].contiguous(), batch.candidates[batch.target])
    left_out[torch.arange(n), first_copy] = False
    return torch.nn.functional.cross_entropy(logits.masked_fill(left_out, -torch.inf), first_copy)


def model_of(
    seed: int,
    dimension: int,
    hidden: int,
    relu_on_score: bool,
    recency_decay: float = 0.0,
    field_matrix: bool = False,
) -> NFM:
    model = NFM(
        N_ITEMS,
        dimension,
        hidden,
        relu_on_score,
        recency_decay=recency_decay,
        field_matrix=field_matrix,
    ).double()
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=draw, dtype=torch.float64))
        if relu_on_score:
            model.output.bias.fill_(3.0)
    return model  # row 0 is not zero: the padding must be masked, not trusted


def batch_of(
    seed: int, lengths: list[int], whole_chunks: bool, n_drawn: int, past_inputs: int | None = None
) -> Batch:
    """A batch of every example of users with so many items each, some inputs dropped."""
    random = np.random.default_rng(seed)
    items = np.concatenate([random.permutation(N_ITEMS)[:length] + 1 for length in lengths])
    histories = Histories(np.arange(len(lengths)), np.concatenate([[0], np.cumsum(lengths)]), items)
    chunks = Chunks.of(histories, N_ITEMS, 4, past_inputs)
    drawn = random.choice(np.unique(chunks.items[chunks.items > 0]), n_drawn)
    dropped = random.random((len(chunks.examples), chunks.n_inputs)) < 0.2
    return chunks.batch(np.arange(len(chunks.examples)), drawn, whole_chunks, dropped).double()


def differences(batch: Batch, model: NFM) -> list[float]:
    """Largest relative difference from the oracle of the loss, each gradient and statistic."""
    oracle = deepcopy(model)
    losses = [batch_loss(model, batch), plain_loss(oracle, batch)]
    for loss in losses:
        loss.backward()
    pairs = [
        tuple(losses),
        *((a.grad, b.grad) for a, b in zip(model.parameters(), oracle.parameters(), strict=True)),
    ]
    pairs += [(a, b) for a, b in zip(model.buffers(), oracle.buffers(), strict=True)]
    return [float(((a - b).abs().max() / (1 + b.abs().max())).detach()) for a, b in pairs]


@given(
    st.integers(0, 10**6),
    st.lists(st.integers(2, 7), min_size=2, max_size=5),
    st.booleans(),
    st.integers(0, 6),
    st.integers(1, 5),
    st.integers(1, 4),
    st.booleans(),
    st.sampled_from([0.0, 0.7, 3.0]),
    st.sampled_from([None, 1, 2, 6]),
    st.booleans(),
)
def test_loss_gradients_and_running_statistics_equal_the_plain_forms(
    seed: int,
    lengths: list[int],
    whole_chunks: bool,
    n_drawn: int,
    dimension: int,
    hidden: int,
    relu_on_score: bool,
    recency_decay: float,
    past_inputs: int | None,
    field_matrix: bool,
) -> None:
    batch = batch_of(seed, lengths, whole_chunks, n_drawn, past_inputs)
    model = model_of(seed, dimension, hidden, relu_on_score, recency_decay, field_matrix)
    assert max(differences(batch, model)) < 1e-10


LAYERS, PAIRS = 3, 20  # hidden units: fewer than a batch's candidates, and more
# Decay of the inputs' weights, past inputs, and whether there is a matrix between the fields.
INPUTS = [(0.0, None, False), (0.8, None, False), (0.8, 3, True)]


@pytest.mark.parametrize("hidden", [LAYERS, PAIRS])
@pytest.mark.parametrize("at_once", [1, 7 * 3 * 2, 2**19])
def test_the_number_of_users_at_a_time_changes_nothing(
    at_once: int, hidden: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for form in (LayerOfUser, Pairs):
        monkeypatch.setattr(form, "values_at_once", at_once)
    for decay, past_inputs, field_matrix in INPUTS:
        batch = batch_of(3, [2, 5, 3, 7], True, 4, past_inputs)
        model = model_of(3, 5, hidden, False, decay, field_matrix)
        assert max(differences(batch, model)) < 1e-10


@pytest.mark.parametrize("at_once", [1, 7 * 3 * 2, 2**19])
@pytest.mark.parametrize("seed", range(4))
def test_products_of_blocks_change_nothing(
    seed: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hidden_layer, "BLOCKS_FROM", 2)
    monkeypatch.setattr(hidden_layer, "product_by_onednn", lambda _: False)
    monkeypatch.setattr(BlocksOfPairs, "values_at_once", at_once)
    for decay, past_inputs, field_matrix in INPUTS:
        batch = batch_of(seed, [2, 5, 3, 7], True, seed, past_inputs)
        model = model_of(seed, 6, PAIRS, seed == 3, decay, field_matrix)
        assert max(differences(batch, model)) < 1e-10


@pytest.mark.parametrize(("decay", "past_inputs", "field_matrix"), INPUTS)
@pytest.mark.parametrize("hidden", [LAYERS, PAIRS])
def test_float32_is_float64_but_for_its_roundings(
    hidden: int, decay: float, past_inputs: int | None, field_matrix: bool
) -> None:
    """Float32 goes by other products than float64 does."""
    batch = batch_of(3, [2, 5, 3, 7], True, 4, past_inputs)
    model = model_of(3, 5, hidden, False, decay, field_matrix)
    single = deepcopy(model).float()
    losses = [
        batch_loss(model, batch),
        batch_loss(
            single,
            replace(
                batch, weight=batch.weight.float(), log_q_correction=batch.log_q_correction.float()
            ),
        ),
    ]
    for loss in losses:
        loss.backward()
    assert float(losses[1].detach()) == pytest.approx(float(losses[0].detach()), rel=1e-5)
    for exact, rounded in zip(model.parameters(), single.parameters(), strict=True):
        torch.testing.assert_close(rounded.grad.double(), exact.grad, rtol=1e-4, atol=1e-5)


def test_a_user_with_two_items_one_of_which_is_dropped_has_an_empty_history() -> None:
    chunks = Chunks.of(
        Histories(np.arange(2), np.array([0, 2, 5]), np.array([1, 2, 3, 4, 5])), N_ITEMS, 4
    )
    dropped = np.ones((len(chunks.examples), 4), bool)
    batch = chunks.batch(np.arange(len(chunks.examples)), np.array([3, 3]), True, dropped).double()
    assert not batch.history.any()
    assert max(differences(batch, model_of(1, 3, 3, False))) < 1e-10


def test_a_target_that_stands_in_many_positions_competes_once() -> None:
    """Two users with the same items: each one's target is a position of both."""
    chunks = Chunks.of(
        Histories(np.arange(2), np.array([0, 3, 6]), np.array([1, 2, 3, 1, 2, 3])), N_ITEMS, 4
    )
    batch = chunks.batch(np.arange(6), np.array([], np.int64), True).double()
    assert batch.weight.max() > 1
    loss = batch_loss(model_of(5, 3, 2, False), batch)
    assert float(loss.detach()) == pytest.approx(0, abs=1e-12), (
        "all other candidates are the user's own"
    )


def test_every_item_of_a_chunk_is_once_the_target_with_the_others_as_input() -> None:
    chunks = Chunks.of(
        Histories(np.arange(3), np.array([0, 6, 7, 9]), np.arange(1, 10)), N_ITEMS, 4
    )
    batch = chunks.batch(np.arange(len(chunks.examples)), np.array([], np.int64), True)
    seen = [
        (sorted(set(row.tolist()) - {0}), int(batch.candidates[t]))
        for row, t in zip(batch.history, batch.target, strict=True)
    ]
    assert seen == [
        ([4, 5, 6], 3),
        ([3, 5, 6], 4),
        ([3, 4, 6], 5),
        ([3, 4, 5], 6),
        ([9], 8),
        ([8], 9),
    ]
    assert chunks.share[[1, 2]].sum() == 0, "older than the chunk"
    assert chunks.share.sum() == pytest.approx(1)


def test_with_past_inputs_only_the_newest_items_before_the_target_are_its_input() -> None:
    chunks = Chunks.of(
        Histories(np.arange(3), np.array([0, 6, 7, 9]), np.arange(1, 10)), N_ITEMS, 4, 2
    )
    batch = chunks.batch(np.arange(len(chunks.examples)), np.array([], np.int64), True)
    seen = [
        (row.tolist(), int(batch.candidates[target]))
        for row, target in zip(batch.history, batch.target, strict=True)
    ]
    assert seen == [([0, 3], 4), ([3, 4], 5), ([4, 5], 6), ([0, 8], 9)]
    assert batch.distances.tolist() == [[2, 1]] * 4
    assert chunks.share[[1, 2]].sum() == 0, "older than the chunk"
    assert chunks.share[[3, 7]].all(), "without an input, but a candidate"


def test_distances_count_the_steps_between_input_and_target() -> None:
    chunks = Chunks.of(Histories(np.arange(1), np.array([0, 4]), np.arange(1, 5)), N_ITEMS, 4)
    batch = chunks.batch(np.array([1]), np.array([], np.int64), True)
    assert batch.history.tolist() == [[1, 0, 3, 4]]
    assert batch.distances[0, [0, 2, 3]].tolist() == [1, 1, 2]
