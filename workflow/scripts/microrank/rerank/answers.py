"""From a language model's answers to rankings, whatever the ids of items are."""

import pyarrow as pa

from microrank.llm.text_ids import numbered_answers, with_items, with_numbers
from microrank.rerank.llm import Reranked, rerank_llm


def rerank_answers(
    subset: pa.Table,
    responses: pa.Table,
    catalogue: pa.Table,
    answer_format: str,
    aggregate: str,
) -> Reranked:
    """Read every answer and put the user's candidates into its order: see `rerank_llm`.

    Args:
        subset: Table SUBSET.
        responses: Table RESPONSES.
        catalogue: Table ITEMS.
        answer_format: Answer format of the prompt.
        aggregate: How several answers become one order.
    """
    numbered, answers, offset = numbered_answers(subset, responses, catalogue, answer_format)
    numbers = with_numbers(catalogue, offset)
    reranked = rerank_llm(numbered, answers, answer_format, aggregate, numbers)
    return reranked._replace(rankings=with_items(reranked.rankings, offset))
