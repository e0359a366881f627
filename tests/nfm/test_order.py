"""Made-up data in which the order of a history matters: only a model that knows it can be right.

Every user walks forward round a ring of items. What is next to the walk lies at both of its ends:
the item after the newest, which comes next, and the item before the oldest, which does not. The
bi-interaction is symmetric, so a model whose inputs all weigh the same cannot tell the two apart.
"""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch
from microrank import tables
from microrank.nfm.rank import recommend_top_k
from microrank.nfm.train import train_nfm
from nfm.test_train import RECIPE

N_ITEMS, N_USERS, WALK = 40, 400, 6
UNWEIGHTED = replace(RECIPE, max_half_epochs=16, patience=16, dimension=16, hidden=16)
WEIGHTED = replace(UNWEIGHTED, recency_decay=0.8, past_only=True)


def walks() -> tuple[pa.Table, pa.Table, pa.Table, np.ndarray]:
    """Tables train, valid and items, and the item that comes next, [n_users]."""
    starts = np.random.default_rng(0).integers(0, N_ITEMS, N_USERS)
    items = (starts[:, None] + np.arange(WALK + 1)) % N_ITEMS + 1
    table = pa.table(
        {
            "user_id": np.repeat(np.arange(N_USERS), WALK),
            "item_id": items[:, :WALK].ravel(),
            "position": np.tile(np.arange(WALK), N_USERS),
        }
    ).cast(tables.SPLIT)
    is_valid = table["position"].to_numpy() == WALK - 1
    ids = np.arange(1, N_ITEMS + 1)
    catalogue = pa.table(
        {"item_id": ids, "item_index": ids, "title": [""] * N_ITEMS, "train_count": ids}
    ).cast(tables.ITEMS)
    split = [table.filter(pa.array(rows)) for rows in (~is_valid, is_valid)]
    return *split, catalogue, items[:, WALK]


@pytest.mark.parametrize(
    ("recipe", "at_least", "at_most"),
    [(WEIGHTED, 0.9, 1.0), (UNWEIGHTED, 0.3, 0.7)],
    ids=["weighted_past_only", "unweighted"],
)
def test_only_weighted_past_inputs_find_what_comes_next_on_a_ring(
    recipe, at_least: float, at_most: float
) -> None:
    torch.set_num_threads(1)
    train, valid, items, expected = walks()
    model = train_nfm(train, valid, items, recipe, 1).model
    lists = recommend_top_k(model, [train, valid], items, 1, history_length=recipe.history_length)
    hit_rate = float((lists["item_id"].to_numpy() == expected).mean())
    assert at_least <= hit_rate <= at_most
