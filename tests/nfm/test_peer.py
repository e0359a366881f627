"""What the speed rows compare with computes the same numbers as the model."""

from copy import deepcopy

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from microrank.nfm.chunks import Chunks
from microrank.nfm.histories import Histories
from microrank.nfm.loss import batch_loss
from microrank.nfm.model import NFM

from benchmarks.peer import predict, training_loss

N_ITEMS = 30
SEEDS = st.integers(0, 10**6)


def model_of(seed: int, relu_on_score: bool) -> NFM:
    model = NFM(N_ITEMS, 4, 3, relu_on_score).double()
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=draw, dtype=torch.float64))
        model.output.bias.fill_(3.0)
    return model


@given(SEEDS, st.lists(st.integers(2, 9), min_size=2, max_size=6), st.booleans())
def test_the_peers_loss_and_gradients_are_ours(seed: int, lengths: list[int], relu: bool) -> None:
    random = np.random.default_rng(seed)
    items = np.concatenate([random.permutation(N_ITEMS)[:length] + 1 for length in lengths])
    histories = Histories(np.arange(len(lengths)), np.append(0, np.cumsum(lengths)), items)
    chunks = Chunks.of(histories, N_ITEMS, 5)
    examples = np.arange(len(chunks.examples))
    batch = chunks.batch(examples, np.empty(0, np.int64), whole_chunks=True).double()
    ours = model_of(seed, relu)
    peers = deepcopy(ours)
    losses = batch_loss(ours, batch), training_loss(peers, batch)
    for loss in losses:
        loss.backward()
    torch.testing.assert_close(*losses, rtol=1e-10, atol=1e-12)
    for a, b in zip(ours.parameters(), peers.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-8, atol=1e-10)


@given(SEEDS, st.booleans())
def test_the_peers_scores_of_the_catalogue_are_ours(seed: int, relu: bool) -> None:
    model = model_of(seed, relu).eval()
    model.items.weight.data[0] = 0
    history = torch.from_numpy(np.random.default_rng(seed).integers(0, N_ITEMS + 1, (5, 4)))
    catalogue = torch.arange(N_ITEMS + 1).expand(5, -1)
    torch.testing.assert_close(predict(model, history), model(history, catalogue))
