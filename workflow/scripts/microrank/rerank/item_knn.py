"""Reference re-ranker: the candidates that share users with the items of the history come first."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from scipy import sparse

from microrank.rerank.scored import rankings_by_score
from microrank.tables import Batches, find_ids, users_of


def rank_by_item_knn(subset: pa.Table, past: Sequence[Batches]) -> pa.Table:
    """Order every user's candidates by their summed cosine similarity to the history.

    The similarity of items i and j is |U_i ∩ U_j| / √(|U_i|·|U_j|), where U_i are the users of i
    (Sarwar et al., Item-based collaborative filtering recommendation algorithms, WWW 2001). It is 0
    where an item has no users. Ties keep the recommender's order.

    Args:
        subset: Table SUBSET.
        past: The splits before test.

    Returns:
        Table RANKINGS.
    """
    candidates, histories = (subset[name].combine_chunks() for name in ("candidates", "history"))
    ids = np.unique(
        np.concatenate([candidates.flatten().to_numpy(), histories.flatten().to_numpy()])
    )
    by_item = _unit_rows(past, ids)
    scores = np.zeros(len(candidates.flatten()))
    first = 0
    # One user at a time: a popular item's row may have millions of users.
    for offered, seen in zip(candidates, histories, strict=True):
        offered_rows, seen_rows = (
            by_item[np.searchsorted(ids, items.values.to_numpy())] for items in (offered, seen)
        )
        scores[first : first + len(offered)] = offered_rows @ seen_rows.sum(axis=0)
        first += len(offered)
    return rankings_by_score(subset, scores)


def _unit_rows(past: Sequence[Batches], ids: np.ndarray) -> sparse.csr_array:
    """One row of users for each of the items `ids`, sorted.

    A row has length 1 (or is empty), so that products of rows are cosines.
    """
    users = users_of(past)
    rows, columns = [np.empty(0, np.int32)], [np.empty(0, np.int32)]
    for batch in (batch for split in past for batch in split.to_batches()):
        item = batch["item_id"].to_numpy()
        row = find_ids(ids, item)
        asked = np.flatnonzero(row >= 0)
        rows.append(row[asked].astype(np.int32))
        columns.append(np.searchsorted(users, batch["user_id"].to_numpy()[asked]).astype(np.int32))
    row, column = np.concatenate(rows), np.concatenate(columns)
    del rows, columns
    taken = sparse.csr_array((np.ones(len(row)), (row, column)), shape=(len(ids), len(users)))
    n_takers = np.diff(taken.indptr)  # an item that a user took twice counts once
    taken.data = np.repeat(1 / np.sqrt(np.maximum(n_takers, 1)), n_takers)
    return taken
