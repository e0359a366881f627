"""How many of a language model's answers say nothing of it."""

import numpy as np
import pyarrow as pa

from microrank.evaluation.kendall import kendall_tau
from microrank.llm.answer_counts import NEAR, AnswerCounts


def count_answers(responses: pa.Table, passes: pa.Table) -> AnswerCounts:
    """Count answers that name nothing, are cut, or repeat the order shown.

    An answer repeats the order shown only where it names candidates.

    Args:
        responses: Table RESPONSES, with the orders in which candidates were shown.
        passes: Table PASSES of the same answers, with the orders that were read.
    """
    shown, read = _orders(responses), _orders(passes)
    n, k = shown.shape
    named = passes["named"].to_numpy()
    is_read = named > 0
    same_order = is_read & (shown == read).all(axis=1)
    # An order is a permutation, so its inverse tells the place of each candidate.
    tau = kendall_tau(np.argsort(read, axis=1), np.argsort(shown, axis=1))
    near = same_order | (is_read & (np.nan_to_num(tau) >= NEAR))
    ends = responses["finish_reason"].to_numpy(zero_copy_only=False)
    return AnswerCounts(
        answers=n,
        unread=int((named == 0).sum()),
        partly_read=int((is_read & (named < k)).sum()),
        cut=int((ends == "length").sum()),
        order_shown=int(same_order.sum()),
        near_order_shown=int(near.sum()),
    )


def _orders(table: pa.Table) -> np.ndarray:
    """Return the orders of n answers, [n, k]."""
    flat = table["order"].combine_chunks().flatten().to_numpy()
    return flat.reshape(len(table), -1)
