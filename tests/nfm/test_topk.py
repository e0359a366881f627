"""The top k is that of a brute-force sort of exact scores, ties and near ties included."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from microrank.nfm import folded_model, topk
from microrank.nfm.folded_model import fold
from microrank.nfm.model import NFM
from microrank.nfm.topk import Ranker, screening_dtypes
from nfm.bfloat16 import NATIVE_RELU_LAYER
from nfm.toy_models import random_histories, random_model

DTYPES = [torch.bfloat16, torch.float32]


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
    model: NFM, histories: torch.Tensor, k: int, dtype: torch.dtype, seed: int = 0
) -> torch.Tensor:
    item_ids = ids_in_any_order(seed, len(model.items.weight) - 1)
    model = model.double()
    with torch.no_grad():
        state = model.history_state(histories)
    found, scores, settled = Ranker.of(model, item_ids, k, dtype).top_k(*state, seen_by(histories))
    expected, expected_scores = brute_force(
        exact_scores(model, histories), seen_by(histories), item_ids, k
    )
    np.testing.assert_array_equal(found[settled].numpy(), expected[settled])
    np.testing.assert_array_equal(scores[settled].numpy(), expected_scores[settled])
    assert dtype == torch.bfloat16 or bool(settled.all())
    return settled


@given(
    seed=st.integers(0, 10_000),
    n_items=st.integers(12, 900),
    dimension=st.integers(1, 40),
    hidden=st.integers(1, 20),
    relu=st.booleans(),
    distinct_items=st.sampled_from([None, 1, 3, 40]),
    dtype=st.sampled_from(DTYPES),
)
def test_top_k_equals_a_brute_force_sort(
    *,
    seed: int,
    n_items: int,
    dimension: int,
    hidden: int,
    relu: bool,
    distinct_items: int | None,
    dtype: torch.dtype,
) -> None:
    model = random_model(
        seed,
        n_items=n_items,
        dimension=dimension,
        hidden=hidden,
        relu_on_score=relu,
        distinct_items=distinct_items,
    )
    assert_equals_brute_force(
        model, random_histories(seed, 6, n_items), min(5, n_items - 6), dtype, seed
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_items_that_differ_by_less_than_screening_can_see_are_told_apart(
    dtype: torch.dtype,
) -> None:
    """300 items lie close together around the 20th place.

    bfloat16 rounds them to one score, float32 half of them.
    """
    model = random_model(5, n_items=400, dimension=16, hidden=16)
    with torch.no_grad():
        near = model.items.weight[7] * (1 + torch.arange(300)[:, None].double() * 2.0**-22).float()
        model.items.weight[50:350] = near
    assert_equals_brute_force(model, random_histories(5, 8, 400), 20, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bias", [-1e3, 0.0, 1e3])
def test_a_last_relu_that_makes_most_items_tie_at_zero_puts_the_lowest_ids_first(
    dtype: torch.dtype, bias: float
) -> None:
    model = random_model(6, n_items=800, dimension=16, hidden=16, relu_on_score=True)
    with torch.no_grad():
        model.output.bias.fill_(bias)
    settled = assert_equals_brute_force(model, random_histories(6, 20, 800), 20, dtype)
    assert bool(settled.any())


def test_more_contenders_than_fit_a_block_are_scored_in_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(topk, "MOST_CONTENDERS", 25)
    monkeypatch.setattr(topk, "ITEMS_AT_ONCE", 7)
    model, histories = random_model(8, n_items=500, distinct_items=9), random_histories(8, 10, 500)
    assert_equals_brute_force(model, histories, 20, torch.float32)
    assert not assert_equals_brute_force(model, histories, 20, torch.bfloat16).all()


@given(
    seed=st.integers(0, 10_000),
    dimension=st.integers(1, 40),
    scale=st.sampled_from([1e-6, 1.0, 1e6]),
    dtype=st.sampled_from(DTYPES),
)
def test_no_exact_score_exceeds_its_ceiling(
    seed: int, dimension: int, scale: float, dtype: torch.dtype
) -> None:
    model = random_model(seed, n_items=300, dimension=dimension, hidden=dimension).double()
    with torch.no_grad():
        model.items.weight.mul_(scale)
        model.norm.running_var.mul_(scale**4)
        histories = random_histories(seed, 5, 300)
        sums, halves = model.history_state(histories)
        ranker = Ranker.of(model, np.arange(301), 20, dtype)
        weights, bias = ranker.exact.user_layers(sums, halves)
        ceiling = ranker._ceiling(weights, bias)
        exact = fold(model).user_layers(sums, halves)
        hidden = torch.einsum("uhd,id->uih", exact[0], model.items.weight) + exact[1][:, None]
        scores = hidden.relu() @ fold(model).signs + model.output.bias
    assert (scores <= ceiling).all()


def test_the_bound_covers_all_roundings_at_their_worst_at_once() -> None:
    """A weight, an item, a hidden value and the sum are each rounded down by half a step.

    No term of the bound can be spared.
    """
    step = 2.0**-8
    up = 1 + step - 2.0**-20
    ranker = Ranker.of(
        random_model(1, n_items=1, dimension=1, hidden=2).double(), np.arange(2), 1, torch.bfloat16
    )
    ranker.exact.items[1], ranker.items[1], ranker.lengths[1] = up, up, up
    ranker.exact.signs.fill_(1.0)
    ranker.exact.output_bias.fill_(0.0)
    ranker.item_error.copy_((up - 1) / up)
    weights = torch.tensor([[[up], [step * (1 - 2.0**-6)]]], dtype=torch.float64)
    bias = torch.tensor([[step - 2.0**-20, 0.0]], dtype=torch.float64)
    exact = float((weights[0, :, 0] * up + bias[0]).sum())
    assert exact > 1 + 3.9 * step
    assert exact <= ranker._ceiling(weights, bias)[0, 1].item() < exact + step


def test_the_order_of_users_and_the_size_of_a_block_change_no_bit() -> None:
    model, histories = (
        random_model(9, n_items=700, dimension=24, hidden=24).double(),
        random_histories(9, 40, 700),
    )
    item_ids = ids_in_any_order(9, 700)
    ranker = Ranker.of(model, item_ids, 20, torch.float32)

    def ranked(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.no_grad():
            found, scores, _ = ranker.top_k(
                *model.history_state(histories[rows]), seen_by(histories[rows])
            )
        return found, scores

    found, scores = ranked(torch.arange(40))
    for rows in (
        *torch.randperm(40, generator=torch.Generator().manual_seed(1)).split(7),
        torch.tensor([3]),
    ):
        part_found, part_scores = ranked(rows)
        assert torch.equal(part_found, found[rows])
        assert torch.equal(part_scores, scores[rows])


def test_the_screening_types_of_this_processor_can_be_multiplied_here() -> None:
    model, histories = random_model(7, n_items=60), random_histories(7, 5, 60)
    dtypes = screening_dtypes(torch.device("cpu"))
    assert dtypes[-1] == torch.float32
    with pytest.MonkeyPatch.context() as native:
        native.setattr(folded_model, "relu_layer", NATIVE_RELU_LAYER)
        for dtype in dtypes:
            assert_equals_brute_force(model, histories, 10, dtype)


@pytest.mark.parametrize(
    ("onednn_can", "has_avx512", "has_amx", "chosen"),
    [
        (True, True, False, True),
        (True, False, True, True),
        (True, False, False, False),
        (False, True, True, False),
    ],
)
def test_bfloat16_is_screened_in_only_where_onednn_has_it_in_hardware(
    *,
    onednn_can: bool,
    has_avx512: bool,
    has_amx: bool,
    chosen: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: onednn_can)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has_avx512)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: has_amx)
    assert (torch.bfloat16 in screening_dtypes(torch.device("cpu"))) == chosen


def test_a_gpu_screens_in_float32() -> None:
    assert screening_dtypes(torch.device("cuda")) == (torch.float32,)
