"""From a score for each candidate to the table RANKINGS."""

import numpy as np
import pyarrow as pa

from microrank import tables


def rankings_by_score(subset: pa.Table, scores: np.ndarray) -> pa.Table:
    """Order every user's candidates by score, largest first; ties keep the recommender's order.

    Args:
        subset: Table SUBSET.
        scores: [n_users, k] One per candidate, in the order of `candidates`; or the same flattened.

    Returns:
        Table RANKINGS, with the scores.
    """
    candidates = subset["candidates"].combine_chunks()
    user = candidates.value_parent_indices().to_numpy()
    items = candidates.flatten().to_numpy()
    flat = np.asarray(scores, np.float64).ravel()
    order = np.lexsort((np.arange(len(items)), -flat, user))
    starts = np.searchsorted(user, np.arange(len(subset)))
    return pa.table(
        {
            "user_id": subset["user_id"].to_numpy()[user],
            "rank": np.arange(len(items)) - starts[user] + 1,
            "item_id": items[order],
            "source": pa.repeat(pa.scalar("model"), len(items)),
            "score": flat[order].astype(np.float32),
        }
    ).cast(tables.RANKINGS)
