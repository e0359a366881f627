"""The folded scores are those of the module's own evaluation mode."""

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


@given(
    st.integers(0, 10_000), st.integers(1, 700), st.integers(1, 9), st.integers(1, 9), st.booleans()
)
def test_fold_equals_the_modules_evaluation_mode(
    seed: int, n_items: int, dimension: int, hidden: int, relu: bool
) -> None:
    model = random_model(
        seed, n_items=n_items, dimension=dimension, hidden=hidden, relu_on_score=relu
    ).double()
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
