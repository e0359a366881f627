"""Made-up data in which the order of a history matters: only a model that knows it can be right.

Items stand on a ring. The bi-interaction is symmetric, so a model needs weights, or a matrix
between the fields, to tell what comes after an item from what comes before it.
"""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import torch
from microrank import tables
from microrank.nfm.rank import recommend_top_k
from microrank.nfm.settings import Recipe
from microrank.nfm.train import train_nfm
from nfm.test_train import RECIPE

N_ITEMS, N_USERS, WALK = 40, 400, 7
PLAIN = replace(RECIPE, max_half_epochs=16, patience=16, dimension=16, hidden=16)
WEIGHTED = replace(PLAIN, recency_decay=0.8, past_only=True)
WITH_MATRIX = replace(WEIGHTED, field_matrix=True)


def tables_of(walks: np.ndarray) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Train (all but the last), valid (the last) and items of users' walks, [n_users, length]."""
    n_users, length = walks.shape
    table = pa.table(
        {
            "user_id": np.repeat(np.arange(n_users), length),
            "item_id": walks.ravel(),
            "position": np.tile(np.arange(length), n_users),
        }
    ).cast(tables.SPLIT)
    is_last = table["position"].to_numpy() == length - 1
    ids = np.arange(1, N_ITEMS + 1)
    catalogue = pa.table(
        {"item_id": ids, "item_index": ids, "title": [""] * N_ITEMS, "train_count": ids}
    ).cast(tables.ITEMS)
    return table.filter(pa.array(~is_last)), table.filter(pa.array(is_last)), catalogue


def hit_rate_at_1(recipe: Recipe, walks: np.ndarray) -> float:
    """How often the item that a walk ends with leads the list that its start is given."""
    torch.set_num_threads(1)
    train, valid, items = tables_of(walks)
    model = train_nfm(train, valid, items, recipe, 1).model
    lists = recommend_top_k(model, [train], items, 1, history_length=recipe.history_length)
    return float((lists["item_id"].to_numpy() == walks[:, -1]).mean())


def long_walks() -> np.ndarray:
    """Each user goes forward round the ring.

    Next to the walk lie two items: that after its newest item, which comes next, and that before
    its oldest, which does not.
    """
    starts = np.random.default_rng(0).integers(0, N_ITEMS, N_USERS)
    return (starts[:, None] + np.arange(WALK)) % N_ITEMS + 1


def short_walks() -> np.ndarray:
    """Each user jumps to any item and goes one step forward, three times.

    Next to the newest item lie two items: that after it, which comes next, and that before it.
    """
    random = np.random.default_rng(0)
    jumps = random.integers(0, N_ITEMS, (20 * N_USERS, 3))
    gaps = np.abs(jumps - np.roll(jumps, 1, axis=1))
    far_apart = (np.minimum(gaps, N_ITEMS - gaps) > 2).all(axis=1)
    jumps = jumps[far_apart][:N_USERS]
    steps = np.stack([jumps, jumps + 1], axis=2)
    return steps.reshape(N_USERS, 6) % N_ITEMS + 1


def test_weighted_past_inputs_tell_the_end_of_a_walk_from_its_start_and_others_do_not() -> None:
    assert hit_rate_at_1(WEIGHTED, long_walks()) > 0.9
    assert hit_rate_at_1(PLAIN, long_walks()) < 0.7


def test_a_matrix_between_the_fields_tells_after_from_before_and_weights_alone_do_not() -> None:
    assert hit_rate_at_1(WITH_MATRIX, short_walks()) > 0.9
    assert hit_rate_at_1(WEIGHTED, short_walks()) < 0.7
