"""Where a list of the most popular items would have held the held-out items."""

from collections.abc import Sequence

import numpy as np

from microrank.evaluation.hits import HeldOutItems
from microrank.tables import Batches, find_ids


def popularity_ranks(
    held_out: HeldOutItems, trained_on: Sequence[Batches], past: Sequence[Batches]
) -> np.ndarray:
    """Rank of each held-out item among the user's unseen items, the most popular first.

    Of equally popular items the lowest id comes first.

    Args:
        held_out: the items, and the length of the lists.
        trained_on: the splits whose interactions are counted, tables SPLIT.
        past: the splits whose items a user has seen, tables SPLIT.

    Returns:
        Ranks from 1, [n_users]; 0 where the list lacks the item, or nobody was seen to take it.
    """
    items, places = _places(trained_on)
    target = _place_of(items, places, held_out.items)
    seen_before = np.zeros(len(held_out.users), np.int64)
    for batch in (batch for split in past for batch in split.to_batches()):
        row = find_ids(held_out.users, batch["user_id"].to_numpy())
        is_before = _place_of(items, places, batch["item_id"].to_numpy()) < target[row]
        seen_before += np.bincount(row[is_before & (row >= 0)], minlength=len(seen_before))
    ranks = target + 1 - seen_before
    return np.where((target < len(items)) & (ranks <= held_out.list_length), ranks, 0)


def _places(splits: Sequence[Batches]) -> tuple[np.ndarray, np.ndarray]:
    """Item ids, ascending, and their places in the order of popularity, from 0."""
    parts = [
        np.unique(batch["item_id"].to_numpy(), return_counts=True)
        for split in splits
        for batch in split.to_batches()
    ]
    ids = np.concatenate([np.empty(0, np.int64), *(part[0] for part in parts)])
    counts = np.concatenate([np.empty(0, np.int64), *(part[1] for part in parts)])
    items, inverse = np.unique(ids, return_inverse=True)
    totals = np.bincount(inverse, weights=counts, minlength=len(items))
    places = np.empty(len(items), np.int64)
    places[np.lexsort((items, -totals))] = np.arange(len(items))
    return items, places


def _place_of(items: np.ndarray, places: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Places of the wanted item ids; of an unknown one the place after all."""
    found = find_ids(items, wanted)
    return np.append(places, len(items))[found]
