"""Re-ranking by the similarity of titles: what is most like the user's history comes first."""

import numpy as np
import pyarrow as pa

from microrank.errors import StudyError
from microrank.rerank.scored import rankings_by_score
from microrank.tables import find_ids

VARIANTS = ("text", "mean", "max", "recency")
HALF_LIFE = 3.0  # items: how much newer an item must be to count twice, for `recency`
USERS_AT_ONCE = 1000


def rerank_encoder(
    subset: pa.Table, titles: pa.Table, histories: pa.Table, history: str
) -> pa.Table:
    """Order every user's candidates by cosine similarity to the history.

    Ties keep the recommender's order.

    Args:
        subset: Table SUBSET.
        titles: Columns item_id and embedding.
        histories: Columns user_id and embedding, of the history as one text.
        history: What a candidate is compared with: `text`, that one text's vector, as in the study;
            `mean`, the mean of the titles' vectors; `recency`, their mean with weights that halve
            every HALF_LIFE items; `max`, the most similar title.

    Returns:
        Table RANKINGS.

    Raises:
        StudyError: The embeddings are of another subset.
    """
    if history not in VARIANTS:
        raise StudyError(
            f"config: rerankers: history is '{history}'; it must be one of: {', '.join(VARIANTS)}"
        )
    parts = [
        _similarities(subset.slice(first, USERS_AT_ONCE), titles, histories, history)
        for first in range(0, len(subset), USERS_AT_ONCE)
    ]
    return rankings_by_score(subset, np.concatenate(parts))


def _similarities(
    subset: pa.Table, titles: pa.Table, histories: pa.Table, history: str
) -> np.ndarray:
    """Similarity of every candidate, users one after the other."""
    user, candidates = _flat(subset, "candidates", titles)
    owner, seen = _flat(subset, "history", titles)
    if history == "max":
        return _largest(candidates, user, seen, owner, len(subset))
    if history == "text":
        profiles = _unit(
            _vectors(histories)[
                _rows(histories["user_id"].to_numpy(), subset["user_id"].to_numpy())
            ]
        )
    else:
        newest = np.searchsorted(owner, np.arange(len(subset)), side="right") - 1
        age = newest[owner] - np.arange(len(owner))
        weight = 0.5 ** (age / HALF_LIFE) if history == "recency" else np.ones(len(owner))
        profiles = np.zeros((len(subset), candidates.shape[1]))
        np.add.at(profiles, owner, seen * weight[:, None])
        profiles = _unit(profiles)
    return np.einsum("id,id->i", candidates, profiles[user])


def _largest(
    candidates: np.ndarray, user: np.ndarray, seen: np.ndarray, owner: np.ndarray, n_users: int
) -> np.ndarray:
    starts, ends = (
        np.searchsorted(user, np.arange(n_users), side=side) for side in ("left", "right")
    )
    first, last = (
        np.searchsorted(owner, np.arange(n_users), side=side) for side in ("left", "right")
    )
    best = [
        (candidates[a:b] @ seen[c:d].T).max(axis=1, initial=-1.0)
        for a, b, c, d in zip(starts, ends, first, last, strict=True)
    ]
    return np.concatenate(best)


def _flat(subset: pa.Table, column: str, titles: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """The lists of a column, one after the other.

    Returns:
        [n] the row of the user; [n, d] the unit vector of the item.
    """
    lists = subset[column].combine_chunks()
    rows = _rows(titles["item_id"].to_numpy(), lists.flatten().to_numpy())
    return lists.value_parent_indices().to_numpy(), _unit(_vectors(titles))[rows]


def _vectors(table: pa.Table) -> np.ndarray:
    column = table["embedding"].combine_chunks()
    return column.flatten().to_numpy().reshape(len(table), -1).astype(np.float64)


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Rows of length 1; zero rows stay zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)


def _rows(ids: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    rows = find_ids(ids, wanted)
    if (rows < 0).any():
        raise StudyError(
            "the embeddings are of another subset; "
            "delete results/{dataset}/embeddings and run again"
        )
    return rows
