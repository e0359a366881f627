"""How popular the items are that a method moves up and down."""

import numpy as np
import pyarrow as pa

from microrank.evaluation.diagnostics import Popularity
from microrank.tables import find_ids


def candidate_counts(candidates: np.ndarray, items: pa.Table) -> np.ndarray:
    """Look up the training count of each candidate, [n_users, k].

    Args:
        candidates: [n_users, k], item ids.
        items: Table ITEMS.
    """
    places = find_ids(items["item_id"].to_numpy(), candidates)
    return items["train_count"].to_numpy()[places]


def moved_items(places: np.ndarray, counts: np.ndarray) -> Popularity:
    """Compute the median training count of the items that a method moves up and down.

    Args:
        places: [n_users, k], the new place (from 0) of the candidate at each place.
        counts: [n_users, k], training counts of the candidates.
    """
    moved = places - np.arange(places.shape[1])
    up, down = counts[moved < 0], counts[moved > 0]
    return Popularity(
        promoted=float(np.median(up)) if len(up) else None,
        demoted=float(np.median(down)) if len(down) else None,
    )


def moved_by_shuffles(counts: np.ndarray) -> Popularity:
    """Compute the same medians over all shuffles together.

    The item at place j of k (from 0) moves up in j of k shuffles, and down in k − 1 − j of k.

    Args:
        counts: [n_users, k], training counts of the candidates.
    """
    n, k = counts.shape
    place = np.tile(np.arange(k), (n, 1))
    return Popularity(
        promoted=_weighted_median(counts.ravel(), place.ravel()),
        demoted=_weighted_median(counts.ravel(), k - 1 - place.ravel()),
    )


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float | None:
    """Return the median of `values`, each repeated as often as its whole-numbered weight says."""
    order = np.argsort(values, kind="stable")
    values, up_to = values[order], np.cumsum(weights[order])
    total = int(up_to[-1])
    if not total:
        return None
    low, high = np.searchsorted(up_to, [(total - 1) // 2, total // 2], side="right")
    return float(values[low] + values[high]) / 2
