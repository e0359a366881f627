"""Each user's best items of the whole catalogue, as a table.

The whole catalogue competes, as in the study, also items that were never trained on. Only what the
user has already interacted with is left out. A run of users can be ranked by itself; the runs'
tables, one after the other, are the whole table, byte for byte.
"""

import logging
import time
from collections.abc import Sequence
from copy import deepcopy

import numpy as np
import pyarrow as pa
import torch

from microrank import tables
from microrank.errors import StudyError
from microrank.nfm.histories import ALL_USERS, Histories, gather_histories
from microrank.nfm.model import NFM
from microrank.nfm.ranked_blocks import Inputs, ranked_blocks, ranker_inputs
from microrank.nfm.topk import Ranker
from microrank.shards import Shard
from microrank.tables import Batches

REPORT_EVERY_S = 5.0

log = logging.getLogger(__name__)


def recommend_top_k(
    model: NFM,
    past: Sequence[Batches],
    items: pa.Table,
    k: int,
    *,
    history_length: int,
    shard: Shard = ALL_USERS,
) -> pa.Table:
    """Give every user the k unseen items of highest score.

    Args:
        model: on the device where the work is to be done.
        past: the splits before test, oldest first; all their items are masked.
        items: table ITEMS.
        k: length of a list.
        history_length: how many of a user's newest items are the model's input.
        shard: which run of users to rank.

    Returns:
        Table RECOMMENDATIONS, sorted by user and rank; equal scores are sorted by item id.

    Raises:
        StudyError: the model and `items` differ in size, the model holds numbers that are not
            finite, or a user has fewer than k unseen items.
    """
    histories = gather_histories(past, items, shard)
    _check(model, histories, len(items), k)
    item_ids = np.zeros(len(items) + 1, np.int64)
    item_ids[items["item_index"].to_numpy()] = items["item_id"].to_numpy()
    exact_model = deepcopy(model).eval().to(torch.float64)

    def inputs(users: np.ndarray) -> Inputs:
        return ranker_inputs(exact_model, histories, users, history_length)

    n_users = len(histories.users)
    best, scores = np.zeros((n_users, k), np.int32), np.zeros((n_users, k), np.float32)
    began = reported = time.monotonic()
    for users, found in ranked_blocks(Ranker.of(exact_model, item_ids, k), inputs, n_users):
        best[users], scores[users] = found
        now = time.monotonic()
        if now - reported > REPORT_EVERY_S or users[-1] + 1 == n_users:
            reported = now
            _report(int(users[-1]) + 1, n_users, now - began)
    if not np.isfinite(scores).all():
        raise StudyError(
            "the model's scores are too large for float32; "
            "train again, with a smaller learning rate"
        )
    return pa.table(
        {
            "user_id": np.repeat(histories.users, k),
            "rank": np.tile(np.arange(1, k + 1, dtype=np.int16), n_users),
            "item_id": item_ids[best].ravel(),
            "score": scores.ravel(),
        }
    ).cast(tables.RECOMMENDATIONS)


def _report(done: int, n_users: int, seconds: float) -> None:
    rate = done / max(seconds, 1e-9)
    left_s = (n_users - done) / rate
    log.info("ranked %d of %d users, %.0f users/s, %.0f s left", done, n_users, rate, left_s)


def _check(model: NFM, histories: Histories, n_items: int, k: int) -> None:
    if len(model.items.weight) != n_items + 1:
        raise StudyError(
            f"the model knows {len(model.items.weight) - 1} items and items.parquet {n_items}: "
            "they are of different runs; train again"
        )
    if not all(bool(torch.isfinite(part).all()) for part in model.state_dict().values()):
        raise StudyError(
            "the model holds values that are not finite numbers; "
            "train again, with a smaller learning rate"
        )
    seen = np.diff(histories.starts)
    if len(seen) and n_items - seen.max() < k:
        raise StudyError(
            f"top_k is {k}, but somebody has only {n_items - seen.max()} of {n_items} items left "
            "to recommend; lower top_k"
        )
