"""Reference re-ranker: the candidates whose titles share rare words with the history's."""

import bm25s
import numpy as np
import pyarrow as pa

from microrank.rerank.scored import rankings_by_score


def rank_by_bm25(subset: pa.Table, items: pa.Table) -> pa.Table:
    """Order every user's candidates by BM25 of their titles; the history's titles are the query.

    The variant is Lucene's (Robertson & Zaragoza, The probabilistic relevance framework: BM25 and
    beyond, 2009). Word frequencies are those of the whole catalogue. Ties keep the recommender's
    order.

    Args:
        subset: Table SUBSET.
        items: Table ITEMS.

    Returns:
        Table RANKINGS.
    """
    items = items.sort_by("item_id")
    ids, titles = items["item_id"].to_numpy(), items["title"].to_pylist()
    words = bm25s.tokenize(titles, stopwords=None, return_ids=False, show_progress=False)
    if not any(words):
        return rankings_by_score(
            subset, np.zeros(len(subset["candidates"].combine_chunks().flatten()))
        )
    index = bm25s.BM25()
    index.index(words, show_progress=False)
    scores = []
    for history, candidates in zip(
        subset["history"].to_pylist(), subset["candidates"].to_pylist(), strict=True
    ):
        query = [
            word
            for place in np.searchsorted(ids, history)
            for word in words[place]
            if word in index.vocab_dict
        ]
        of_items = index.get_scores(query) if query else np.zeros(len(ids))
        scores.append(of_items[np.searchsorted(ids, candidates)])
    return rankings_by_score(subset, np.concatenate(scores))
