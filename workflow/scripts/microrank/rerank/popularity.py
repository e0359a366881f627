"""Reference re-ranker: the candidates by how often they were trained on."""

import pyarrow as pa

from microrank.rerank.scored import rankings_by_score
from microrank.tables import find_ids


def rank_by_popularity(subset: pa.Table, items: pa.Table) -> pa.Table:
    """Order every user's candidates by `train_count`; ties keep the recommender's order.

    Args:
        subset: Table SUBSET.
        items: Table ITEMS.

    Returns:
        Table RANKINGS.
    """
    candidates = subset["candidates"].combine_chunks().flatten().to_numpy()
    rows = find_ids(items["item_id"].to_numpy(), candidates)
    return rankings_by_score(subset, items["train_count"].to_numpy()[rows])
