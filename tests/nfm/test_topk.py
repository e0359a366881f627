"""The top k is that of a brute-force sort of exact scores, ties and near ties included."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from microrank.nfm import topk
from microrank.nfm.folded_model import layer_sums
from microrank.nfm.model import NFM
from microrank.nfm.topk import Ranker
from nfm.toy_models import random_histories, random_model

BOUNDED = pytest.mark.parametrize("bounded", [True, False])


def ranker_of(model: NFM, item_ids: np.ndarray, k: int, bounded: bool) -> Ranker:
    """A ranker as on a processor, or without a bound as on a GPU."""
    ranker = Ranker.of(model, item_ids, k)
    return ranker if bounded else replace(ranker, bound=None)


def exact_scores(model: NFM, histories: torch.Tensor) -> np.ndarray:
    """Scores by the module's evaluation mode, rounded to float32: [n_users, n_items + 1]."""
    model = model.double().eval()
    candidates = torch.arange(len(model.items.weight)).expand(len(histories), -1)
    with torch.no_grad():
        return model(histories, candidates).float().numpy()


def brute_force(
    scores: np.ndarray, seen: tuple[torch.Tensor, torch.Tensor], item_ids: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Sort every user's whole catalogue by score, then raw id."""
    scores = scores.copy()
    scores[:, 0] = -np.inf
    scores[seen[0].numpy(), seen[1].numpy()] = -np.inf
    order = np.stack([np.lexsort((item_ids, -row))[:k] for row in scores])
    return order, np.take_along_axis(scores, order, axis=1)


def seen_by(histories: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    row, place = torch.nonzero(histories, as_tuple=True)
    return row, histories[row, place]


def ids_in_any_order(seed: int, n_items: int) -> np.ndarray:
    return np.append(-1, np.random.default_rng(seed).permutation(10 * n_items)[:n_items])


def assert_equals_brute_force(
    model: NFM, histories: torch.Tensor, k: int, bounded: bool = True, seed: int = 0
) -> None:
    item_ids = ids_in_any_order(seed, len(model.items.weight) - 1)
    model = model.double()
    with torch.no_grad():
        state = model.history_state(histories)
    found, scores = ranker_of(model, item_ids, k, bounded).top_k(*state, seen_by(histories))
    expected, expected_scores = brute_force(
        exact_scores(model, histories), seen_by(histories), item_ids, k
    )
    np.testing.assert_array_equal(found.numpy(), expected)
    np.testing.assert_array_equal(scores.numpy(), expected_scores)


@given(
    seed=st.integers(0, 10_000),
    n_items=st.integers(12, 900),
    dimension=st.integers(1, 40),
    hidden=st.integers(1, 20),
    relu=st.booleans(),
    distinct_items=st.sampled_from([None, 1, 3, 40]),
    recency_decay=st.sampled_from([0.0, 0.8, 5.0]),
    field_matrix=st.booleans(),
    bounded=st.booleans(),
)
def test_top_k_equals_a_brute_force_sort(
    *,
    seed: int,
    n_items: int,
    dimension: int,
    hidden: int,
    relu: bool,
    distinct_items: int | None,
    recency_decay: float,
    field_matrix: bool,
    bounded: bool,
) -> None:
    model = random_model(
        seed,
        n_items=n_items,
        dimension=dimension,
        hidden=hidden,
        relu_on_score=relu,
        distinct_items=distinct_items,
        recency_decay=recency_decay,
        field_matrix=field_matrix,
    )
    assert_equals_brute_force(
        model, random_histories(seed, 6, n_items), min(5, n_items - 6), bounded, seed
    )


@BOUNDED
def test_items_that_differ_by_less_than_screening_can_see_are_told_apart(
    bounded: bool,
) -> None:
    """300 items lie close together around the 20th place; float32 rounds half of them to one."""
    model = random_model(5, n_items=400, dimension=16, hidden=16)
    with torch.no_grad():
        near = model.items.weight[7] * (1 + torch.arange(300)[:, None].double() * 2.0**-22).float()
        model.items.weight[50:350] = near
    assert_equals_brute_force(model, random_histories(5, 8, 400), 20, bounded)


@BOUNDED
@pytest.mark.parametrize("bias", [-1e3, 0.0, 1e3])
def test_a_last_relu_that_makes_most_items_tie_at_zero_puts_the_lowest_ids_first(
    bounded: bool, bias: float
) -> None:
    model = random_model(6, n_items=800, dimension=16, hidden=16, relu_on_score=True)
    with torch.no_grad():
        model.output.bias.fill_(bias)
    assert_equals_brute_force(model, random_histories(6, 20, 800), 20, bounded)


def test_more_contenders_than_fit_a_block_are_scored_in_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(topk, "MOST_CONTENDERS", 25)
    monkeypatch.setattr(topk, "ITEMS_AT_ONCE", 7)
    model, histories = random_model(8, n_items=500, distinct_items=9), random_histories(8, 10, 500)
    assert_equals_brute_force(model, histories, 20)


@given(
    seed=st.integers(0, 10_000),
    dimension=st.integers(1, 40),
    scale=st.sampled_from([1e-6, 1.0, 1e6]),
    bounded=st.booleans(),
)
def test_no_exact_score_exceeds_its_ceiling(
    seed: int, dimension: int, scale: float, bounded: bool
) -> None:
    model = random_model(
        seed,
        n_items=300,
        dimension=dimension,
        hidden=dimension,
        recency_decay=0.8,
        field_matrix=True,
    ).double()
    with torch.no_grad():
        model.items.weight.mul_(scale)
        model.norm.running_var.mul_(scale**4)
        histories = random_histories(seed, 5, 300)
        sums, halves = model.history_state(histories)
        ranker = ranker_of(model, np.arange(301), 20, bounded)
        weights, bias = ranker.exact.user_layers(sums, halves)
        if ranker.bound:
            ceilings = ranker.bound.ceilings(ranker.exact.scale * sums, weights, bias)
        else:
            scores = layer_sums(ranker.items, weights.float(), bias.float(), ranker.signs)
            ceilings = scores + ranker._margins(weights, bias)[:, None]
        hidden = torch.einsum("uhd,id->uih", weights, ranker.exact.items) + bias[:, None]
        scores = hidden.relu() @ ranker.exact.signs + model.output.bias
    assert (scores <= ceilings).all()


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_the_bound_of_one_hidden_unit_is_its_score_but_for_roundings(sign: float) -> None:
    """Cauchy–Schwarz is then an equality, so that only what covers roundings is left."""
    model = random_model(11, n_items=500, dimension=3, hidden=1).double()
    with torch.no_grad():
        model.output.weight.fill_(sign)
        model.hidden.bias.fill_(1e3)  # the unit is always active
        state = model.history_state(random_histories(11, 30, 500))
        ranker = Ranker.of(model, np.arange(501), 5)
        weights, bias = ranker.exact.user_layers(*state)
        ceilings = ranker.bound.ceilings(ranker.exact.scale * state[0], weights, bias)
        hidden = torch.einsum("uhd,id->uih", weights, ranker.exact.items) + bias[:, None]
        above = ceilings - (hidden.relu() @ ranker.exact.signs + model.output.bias)
    assert (above >= 0).all()
    assert above.max() < 1e-2


def test_the_bound_leaves_few_items_of_a_model_whose_units_are_alike() -> None:
    model = random_model(12, n_items=5000, dimension=16, hidden=16).double()
    histories = random_histories(12, 20, 5000)
    with torch.no_grad():
        model.output.weight.abs_()
        state = model.history_state(histories)
        ranker = Ranker.of(model, np.arange(5001), 5)
        weights, bias = ranker.exact.user_layers(*state)
        ceilings = ranker.bound.ceilings(ranker.exact.scale * state[0], weights, bias)
        scores = torch.from_numpy(exact_scores(model, histories))
        least = scores.topk(5).values[:, -1:]
    assert (ceilings >= least).double().mean() < 0.2


@pytest.mark.parametrize("kind", ["no positive unit", "dead units", "one dimension", "overflow"])
def test_models_at_the_edge_are_ranked_like_all_others(kind: str) -> None:
    dimension = 1 if kind == "one dimension" else 6
    model = random_model(13, n_items=90, dimension=dimension, hidden=5)
    with torch.no_grad():
        if kind == "no positive unit":
            model.output.weight.abs_().neg_()
        if kind == "dead units":
            model.output.weight[0, :3] = 0
        if kind == "overflow":
            model.items.weight.mul_(1e15)
            model.norm.running_var.fill_(1e-30)
            model.output.weight.mul_(1e-30)
    assert_equals_brute_force(model, random_histories(13, 8, 90), 7)


def test_the_order_of_users_and_the_size_of_a_block_change_no_bit() -> None:
    model, histories = (
        random_model(9, n_items=700, dimension=24, hidden=24).double(),
        random_histories(9, 40, 700),
    )
    item_ids = ids_in_any_order(9, 700)
    ranker = Ranker.of(model, item_ids, 20)

    def ranked(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.no_grad():
            return ranker.top_k(*model.history_state(histories[rows]), seen_by(histories[rows]))

    found, scores = ranked(torch.arange(40))
    for rows in (
        *torch.randperm(40, generator=torch.Generator().manual_seed(1)).split(7),
        torch.tensor([3]),
    ):
        part_found, part_scores = ranked(rows)
        assert torch.equal(part_found, found[rows])
        assert torch.equal(part_scores, scores[rows])
