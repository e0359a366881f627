"""Reference re-ranker: the candidates by how many users they share with the items of the history."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from scipy import sparse

from microrank.rerank.scored import rankings_by_score

USERS_AT_ONCE = 500  # of the subset; bounds the memory


def rank_by_item_knn(subset: pa.Table, past: Sequence[pa.Table]) -> pa.Table:
    """Order every user's candidates by their summed cosine similarity to the history. Gives table RANKINGS.

    The similarity of items i and j is |U_i ∩ U_j| / √(|U_i|·|U_j|), where U_i are the users of i (Sarwar et al., Item-based collaborative
    filtering recommendation algorithms, WWW 2001); 0 where an item has no users. Ties keep the recommender's order.

    Args:
        subset: table SUBSET.
        past: the splits before test.
    """
    interactions = pa.concat_tables([split.select(["user_id", "item_id"]) for split in past])
    ids = np.unique(interactions["item_id"].to_numpy())
    by_item = _unit_rows(interactions, ids)
    scores = [_scores(subset.slice(first, USERS_AT_ONCE), ids, by_item) for first in range(0, len(subset), USERS_AT_ONCE)]
    return rankings_by_score(subset, np.concatenate(scores) if scores else np.empty(0))


def _unit_rows(interactions: pa.Table, ids: np.ndarray) -> sparse.csr_array:
    """One row of users for each item, of length 1, so that products of rows are cosines; a last, empty row for unknown items."""
    users, user = np.unique(interactions["user_id"].to_numpy(), return_inverse=True)
    item = np.searchsorted(ids, interactions["item_id"].to_numpy())
    taken = sparse.csr_array((np.ones(len(item)), (item, user)), shape=(len(ids) + 1, len(users)))
    taken.data[:] = 1  # an item that a user took twice counts once
    return sparse.csr_array(sparse.diags_array(1 / np.sqrt(np.maximum(taken.sum(axis=1), 1))) @ taken)


def _scores(subset: pa.Table, ids: np.ndarray, by_item: sparse.csr_array) -> np.ndarray:
    """Σ_j similarity(candidate, j) over the history's items j, one for each candidate: the history's rows are summed up first."""
    candidates, histories = subset["candidates"].combine_chunks(), subset["history"].combine_chunks()
    past = _rows(ids, histories.flatten().to_numpy())
    profiles = sparse.csr_array(
        (np.ones(len(past)), (histories.value_parent_indices().to_numpy(), past)), shape=(len(subset), len(ids) + 1)
    )
    neighbours = sparse.csr_array(profiles @ by_item)[candidates.value_parent_indices().to_numpy()]
    return np.asarray(by_item[_rows(ids, candidates.flatten().to_numpy())].multiply(neighbours).sum(axis=1)).ravel()


def _rows(ids: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Row of each of `wanted`; the last one for those without users."""
    at = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return np.where(ids[at] == wanted, at, len(ids))
