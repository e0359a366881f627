"""Reference re-ranker: a shuffle."""

import pyarrow as pa

from microrank import tables
from microrank.rerank.scored import rankings_by_score
from microrank.seeds import generator


def rank_randomly(subset: pa.Table, seed: int) -> pa.Table:
    """Shuffle every user's candidates; all orders are equally likely.

    Returns:
        Table RANKINGS, without scores: a shuffle is only an order.
    """
    n = len(subset["candidates"].combine_chunks().flatten())
    shuffled = rankings_by_score(subset, generator(seed, "random re-ranker").random(n))
    return shuffled.set_column(
        tables.RANKINGS.get_field_index("score"),
        tables.RANKINGS.field("score"),
        pa.nulls(n, pa.float32()),
    )
