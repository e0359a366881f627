"""Item-kNN: items that share users with the history, which weigh less the more such users took."""

from typing import Any

import numpy as np
from scipy import sparse

from microrank.recommenders.fitted import Fitted, Interactions, Judge

K1 = 1.2  # of BM25
ITEMS_AT_ONCE = 1000


def fit(
    data: Interactions, setting: dict[str, Any], seed: int, judge: Judge | None = None
) -> Fitted:
    """Score an item by its summed similarity to the history, the newest items first in weight.

    Two items are as similar as the product of their users' BM25 weights says (the weighting of
    `BM25Recommender` in Frederickson's library implicit; BM25 of Robertson and Zaragoza 2009).
    Each item keeps its most similar ones.

    Args:
        data: What it may know.
        setting: `neighbours`, kept an item; `b`, how much the number of an item's users counts
            against it, 0 to 1; `decay`: an item n steps before the newest weighs e^(−decay·n).
        seed: Not used.
        judge: Not used.
    """
    similarity = nearest(bm25_weights(data.matrix()[:, 1:], setting["b"]), setting["neighbours"])
    weights = data.matrix(setting["decay"])[:, 1:]

    def scores(users: np.ndarray) -> np.ndarray:
        return np.pad((weights[users] @ similarity).toarray(), ((0, 0), (1, 0)))

    return Fitted(scores)


def bm25_weights(taken: sparse.csr_array, b: float) -> sparse.csr_array:
    """Weigh each user of an item, as BM25 weighs the words of a text.

    w(i, u) = log(n / (1 + n_u)) · (K1 + 1) / (1 + K1 · (1 − b + b · n_i / mean n_i)), for n items,
    n_u of which u took, and n_i users of item i.

    Args:
        taken: [n_users, n], 1 where a user took an item.
        b: From 0 to 1.

    Returns:
        [n, n_users].
    """
    by_item = sparse.csr_array(taken.T)
    n_of_item, n_of_user = np.diff(by_item.indptr), np.diff(taken.indptr)
    length = 1 - b + b * n_of_item / max(n_of_item.mean(), 1e-12)
    rarity = np.log(by_item.shape[0]) - np.log1p(n_of_user)
    by_item.data = (
        rarity[by_item.indices] * (K1 + 1) / (1 + K1 * np.repeat(length, n_of_item))
    ).astype(np.float32)
    return by_item


def nearest(weights: sparse.csr_array, neighbours: int) -> sparse.csr_array:
    """Return each item's similarity to its nearest others, the products of their weights.

    Args:
        weights: [n, n_users].
        neighbours: How many are kept; of equally near ones those of the lower index.

    Returns:
        [n, n], one row an item.
    """
    n, by_user = weights.shape[0], sparse.csr_array(weights.T)
    blocks = [
        _nearest_of_block(weights, by_user, range(first, min(first + ITEMS_AT_ONCE, n)), neighbours)
        for first in range(0, n, ITEMS_AT_ONCE)
    ]
    return sparse.csr_array(sparse.vstack(blocks, format="csr"))


def _nearest_of_block(
    weights: sparse.csr_array, by_user: sparse.csr_array, block: range, neighbours: int
) -> sparse.csr_array:
    products = sparse.coo_array(weights[block.start : block.stop] @ by_user)
    row, column = products.coords
    is_other = column != row + block.start
    row, column, value = row[is_other], column[is_other], products.data[is_other]
    order = np.lexsort((column, -value, row))
    row, column, value = row[order], column[order], value[order]
    starts = np.searchsorted(row, np.arange(len(block)))
    is_near = np.arange(len(row)) - starts[row] < neighbours
    kept = (value[is_near], (row[is_near], column[is_near]))
    return sparse.csr_array(kept, shape=products.shape)
