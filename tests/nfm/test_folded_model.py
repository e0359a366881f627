"""The folded scores are those of the module's evaluation mode, and these the formula's."""

import math
from itertools import combinations
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from microrank.nfm.folded_model import fold, score_catalogue
from microrank.nfm.model import NFM
from nfm.toy_models import random_histories, random_model


def scores_of_module(model: NFM, histories: torch.Tensor) -> torch.Tensor:
    n_items = len(model.items.weight) - 1
    candidates = torch.arange(1, n_items + 1).expand(len(histories), -1)
    with torch.no_grad():
        return model.eval()(histories, candidates)


def scores_by_pairs(model: NFM, history: list[int], candidate: int) -> torch.Tensor:
    """The formula term by term: every pair of weighted features, the candidate's weight being 1."""
    inputs = [
        model.items.weight[item] * math.exp(-model.recency_decay * steps)
        for steps, item in enumerate(reversed(history))
        if item
    ]
    pairs = torch.zeros_like(model.items.weight[0])
    for one, other in combinations(inputs, 2):
        pairs += one * other
    for one in inputs:
        before_candidate = one if model.field_matrix is None else model.field_matrix.weight @ one
        pairs += before_candidate * model.items.weight[candidate]
    hidden = model.hidden(model.norm(pairs[None])).relu()
    score = model.output(hidden)[0, 0]
    return score.relu() if model.relu_on_score else score


@pytest.mark.parametrize("field_matrix", [False, True])
@pytest.mark.parametrize("recency_decay", [0.0, 0.8])
@pytest.mark.parametrize("relu", [False, True])
def test_scores_are_the_network_of_all_weighted_pairs(
    relu: bool, recency_decay: float, field_matrix: bool
) -> None:
    model = random_model(
        2, n_items=9, relu_on_score=relu, recency_decay=recency_decay, field_matrix=field_matrix
    ).double()
    histories = torch.tensor([[0, 0, 0], [0, 0, 4], [0, 2, 7], [5, 1, 3]])
    with torch.no_grad():
        scores = score_catalogue(fold(model), *model.history_state(histories))
        for row, history in enumerate(histories.tolist()):
            for candidate in range(1, 10):
                expected = float(scores_by_pairs(model, history, candidate))
                assert float(scores[row, candidate]) == pytest.approx(expected, abs=1e-10)


@given(
    st.integers(0, 10_000),
    st.integers(1, 700),
    st.fixed_dictionaries(
        {
            "dimension": st.integers(1, 9),
            "hidden": st.integers(1, 9),
            "relu_on_score": st.booleans(),
            "recency_decay": st.sampled_from([0.0, 0.8]),
            "field_matrix": st.booleans(),
        }
    ),
)
def test_fold_equals_the_modules_evaluation_mode(
    seed: int, n_items: int, options: dict[str, Any]
) -> None:
    model = random_model(seed, n_items=n_items, **options).double()
    histories = random_histories(seed, 5, n_items)
    scores = score_catalogue(fold(model), *model.history_state(histories))
    torch.testing.assert_close(
        scores[:, 1:], scores_of_module(model, histories), rtol=1e-10, atol=1e-10
    )
    assert (scores[:, 0] == -torch.inf).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_empty_history_is_scored_like_the_module_does(dtype: torch.dtype) -> None:
    model = random_model(3, n_items=50).to(dtype)
    histories = torch.zeros(2, 4, dtype=torch.long)
    with torch.no_grad():
        scores = score_catalogue(fold(model), *model.history_state(histories))
    torch.testing.assert_close(
        scores[:, 1:], scores_of_module(model, histories), rtol=1e-5, atol=1e-5
    )


def test_whatever_the_padding_row_holds_is_never_a_candidate() -> None:
    model = random_model(4, n_items=30)
    with torch.no_grad():
        model.items.weight[0] = 1e6
        scores = score_catalogue(fold(model), *model.history_state(random_histories(4, 3, 30)))
    assert (scores.argmax(dim=1) > 0).all()
    assert torch.isfinite(scores[:, 1:]).all()
