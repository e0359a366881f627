"""Small models and histories for tests."""

import torch
from microrank.nfm.model import NFM


def random_model(
    seed: int,
    *,
    n_items: int,
    dimension: int = 8,
    hidden: int = 8,
    relu_on_score: bool = False,
    distinct_items: int | None = None,
) -> NFM:
    """A model with every parameter and running statistic drawn at random.

    Items repeat where only `distinct_items` are drawn.
    """
    draw = torch.Generator().manual_seed(seed)
    model = NFM(n_items, dimension, hidden, relu_on_score)
    with torch.no_grad():
        for value in (*model.parameters(), model.norm.running_mean):
            value.copy_(torch.randn(value.shape, generator=draw))
        for value in (model.norm.weight, model.norm.running_var):
            value.copy_(torch.rand(value.shape, generator=draw) + 0.5)
        if distinct_items is not None:
            model.items.weight.copy_(
                model.items.weight[
                    torch.randint(
                        1, 1 + min(distinct_items, n_items), (n_items + 1,), generator=draw
                    )
                ]
            )
    return model.eval()


def random_histories(seed: int, n_users: int, n_items: int, length: int = 6) -> torch.Tensor:
    """item_index [n_users, length], padded with 0 on the left."""
    draw = torch.Generator().manual_seed(seed)
    items = torch.randint(1, n_items + 1, (n_users, length), generator=draw)
    lengths = torch.randint(0, length + 1, (n_users, 1), generator=draw)
    return items * (torch.arange(length) >= length - lengths)
