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
from microrank.nfm import loss as loss_module
from microrank.nfm.chunks import Chunks
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
    sets = torch.cat(
        [
            batch.history[:, None, :].expand(-1, len(positions), -1),
            positions[None, :, None].expand(n, -1, -1),
        ],
        dim=2,
    )
    vectors = model.items(sets) * (sets != 0)[..., None]
    pairs = (vectors.sum(dim=2) ** 2 - (vectors**2).sum(dim=2)) / 2
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


def model_of(seed: int, dimension: int, hidden: int, relu_on_score: bool) -> NFM:
    model = NFM(N_ITEMS, dimension, hidden, relu_on_score).double()
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=draw, dtype=torch.float64))
        if relu_on_score:
            model.output.bias.fill_(3.0)
    return model  # row 0 is not zero: the padding must be masked, not trusted


def batch_of(seed: int, lengths: list[int], whole_chunks: bool, n_drawn: int) -> Batch:
    """A batch of every example of users with so many items each, some inputs dropped."""
    random = np.random.default_rng(seed)
    items = np.concatenate([random.permutation(N_ITEMS)[:length] + 1 for length in lengths])
    histories = Histories(np.arange(len(lengths)), np.concatenate([[0], np.cumsum(lengths)]), items)
    chunks = Chunks.of(histories, N_ITEMS, 4)
    drawn = random.choice(np.unique(chunks.items[chunks.items > 0]), n_drawn)
    dropped = random.random((len(chunks.examples), 4)) < 0.2
    return chunks.batch(np.arange(len(chunks.examples)), drawn, whole_chunks, dropped).double()


def differences(batch: Batch, model: NFM) -> list[float]:
    """Largest relative difference from the oracle of the loss, each gradient and statistic."""
    oracle = NFM(
        N_ITEMS, model.items.embedding_dim, model.hidden.out_features, model.relu_on_score
    ).double()
    oracle.load_state_dict(model.state_dict())
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
)
def test_loss_gradients_and_running_statistics_equal_the_plain_forms(
    seed: int,
    lengths: list[int],
    whole_chunks: bool,
    n_drawn: int,
    dimension: int,
    hidden: int,
    relu_on_score: bool,
) -> None:
    batch = batch_of(seed, lengths, whole_chunks, n_drawn)
    assert max(differences(batch, model_of(seed, dimension, hidden, relu_on_score))) < 1e-10


LAYERS, PAIRS = 3, 20  # hidden units: fewer than a batch's candidates, and more


@pytest.mark.parametrize("hidden", [LAYERS, PAIRS])
@pytest.mark.parametrize("at_once", [1, 7 * 3 * 2, 2**19])
def test_the_number_of_users_at_a_time_changes_nothing(
    at_once: int, hidden: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for form in ("LAYERS_AT_ONCE", "PAIRS_AT_ONCE"):
        monkeypatch.setattr(loss_module, form, at_once)
    assert (
        max(differences(batch_of(3, [2, 5, 3, 7], True, 4), model_of(3, 5, hidden, False))) < 1e-10
    )


@pytest.mark.parametrize("hidden", [LAYERS, PAIRS])
def test_float32_is_float64_but_for_its_roundings(hidden: int) -> None:
    """Float32 goes by other products than float64 does."""
    batch = batch_of(3, [2, 5, 3, 7], True, 4)
    model = model_of(3, 5, hidden, False)
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
