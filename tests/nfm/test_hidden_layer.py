"""Every form of the hidden layer has the values and gradients of the formula as it reads."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from microrank.nfm import hidden_layer
from microrank.nfm.hidden_layer import (
    BlocksOfPairs,
    HiddenLayer,
    LayerOfUser,
    Pairs,
    cheapest_form,
)

FORMS = [LayerOfUser, Pairs, BlocksOfPairs]


def drawn(seed: int, *shapes: tuple[int, ...]) -> list[torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=draw, dtype=torch.float64) for shape in shapes]


@pytest.mark.parametrize("form", FORMS)
@given(
    st.integers(0, 10**6),
    st.integers(1, 9),
    st.lists(st.integers(0, 4), min_size=1, max_size=3),
    st.integers(1, 4),
    st.integers(1, 4),
)
def test_a_form_equals_the_formula(
    form: type[HiddenLayer],
    seed: int,
    n_candidates: int,
    users_of_runs: list[int],
    half_of_hidden: int,
    half_of_dimension: int,
) -> None:
    """Of odd and even numbers of candidates, and users that come in several runs, or none."""
    h, d, n = 2 * half_of_hidden, 2 * half_of_dimension, sum(users_of_runs)
    slope, bias, vectors, w1, w2, d_scores = drawn(
        seed, (n, d), (n, h), (n_candidates, d), (h, d), (h,), (n_candidates, n)
    )
    for value in (slope, vectors, w1):
        value.requires_grad_()
    pairs = slope * vectors[:, None]
    values = torch.relu(pairs @ w1.T + bias)
    (values @ w2 * d_scores).sum().backward()

    with torch.no_grad():
        layer = form(vectors.detach(), w1.detach(), w1.detach() * w2[:, None])
        d_slopes = []
        for run in torch.arange(n).split(users_of_runs):
            hidden = layer.hidden(slope.detach()[run], bias[run])
            torch.testing.assert_close(hidden, values.detach()[:, run], rtol=1e-9, atol=1e-9)
            hidden.copy_((hidden > 0) * d_scores[:, run, None])
            d_slopes.append(layer.gradient(hidden))
        d_vectors, d_w1 = layer.gradients_of_all()
    for found, expected in (
        (torch.cat(d_slopes), slope.grad),
        (d_vectors, vectors.grad),
        (d_w1 * w2[:, None], w1.grad),
    ):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("n_candidates", "hidden", "dimension", "form"),
    [
        (400, 64, 64, LayerOfUser),
        (400, 512, 512, Pairs),
        (400, 1024, 1024, BlocksOfPairs),
        (2000, 1024, 1024, LayerOfUser),
        (400, 1023, 1024, Pairs),
        (400, 1024, 1023, Pairs),
        (400, 1024, 64, Pairs),
    ],
)
def test_the_sizes_choose_the_form(
    n_candidates: int,
    hidden: int,
    dimension: int,
    form: type[HiddenLayer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hidden_layer, "product_by_onednn", lambda _: False)
    vectors, w1 = torch.empty(n_candidates, dimension), torch.empty(hidden, dimension)
    assert cheapest_form(vectors, w1) is form


def test_where_onednn_is_faster_all_pairs_go_through_it_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hidden_layer, "product_by_onednn", lambda _: True)
    assert cheapest_form(torch.empty(400, 1024), torch.empty(1024, 1024)) is Pairs
