"""Reference re-ranker: a shuffle."""

import pyarrow as pa

from microrank.rerank.scored import rankings_by_score
from microrank.seeds import generator


def rank_randomly(subset: pa.Table, seed: int) -> pa.Table:
    """Shuffle every user's candidates, all orders equally likely. Gives table RANKINGS."""
    n = len(subset["candidates"].combine_chunks().flatten())
    return rankings_by_score(subset, generator(seed, "random re-ranker").random(n))
