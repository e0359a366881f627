"""Each user's best items of the whole catalogue, as a table.

The whole catalogue competes, as in the study, items that were never trained on included; only what the user has already interacted with is
left out. A run of users can be ranked by itself, and the runs' tables, one after the other, are the whole table, byte for byte.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from copy import deepcopy

import numpy as np
import pyarrow as pa
import torch

from microrank import tables
from microrank.errors import StudyError
from microrank.nfm.histories import Histories, gather_histories
from microrank.nfm.model import NFM
from microrank.nfm.topk import Ranker, screening_dtypes
from microrank.tables import Batches

REPORT_EVERY_S = 5.0

Inputs = tuple[torch.Tensor, torch.Tensor, tuple[torch.Tensor, torch.Tensor]]

log = logging.getLogger(__name__)


def recommend_top_k(
    model: NFM,
    past: Sequence[Batches],
    items: pa.Table,
    k: int,
    *,
    history_length: int,
    shard: Sequence[int] = (0, 1),
) -> pa.Table:
    """Give every user the k unseen items of highest score: table RECOMMENDATIONS, sorted by user and rank; ties by item id.

    Args:
        model: on the device where the work is to be done.
        past: the splits before test, oldest first. A user's newest `history_length` items are the model's input; all of them are masked.
        items: table ITEMS.
        shard: (i, n) ranks the i-th of n runs of users; the runs' tables, one after the other, are the whole table.

    Raises:
        StudyError: the model and `items` differ in size, the model holds numbers that are not finite, or a user has fewer than k
            unseen items.
    """
    histories = gather_histories(past, items, shard)
    _check(model, histories, len(items), k)
    item_ids = np.zeros(len(items) + 1, np.int64)
    item_ids[items["item_index"].to_numpy()] = items["item_id"].to_numpy()
    device = model.items.weight.device
    exact_model = deepcopy(model).eval().to(torch.float64)

    @torch.no_grad()
    def inputs(users: np.ndarray) -> Inputs:
        row, item = (torch.from_numpy(part).to(device) for part in histories.seen(users))
        return *exact_model.history_state(
            torch.from_numpy(histories.newest(users, history_length)).to(device)
        ), (row, item)

    n_users = len(histories.users)
    best, scores = np.zeros((n_users, k), np.int32), np.zeros((n_users, k), np.float32)
    waiting = np.arange(n_users)
    for dtype in screening_dtypes(device):
        waiting = _rank(Ranker.of(exact_model, item_ids, k, dtype), inputs, waiting, best, scores)
    if not np.isfinite(scores).all():
        raise StudyError(
            "the model's scores are too large for float32; train again, with a smaller learning rate"
        )
    return pa.table(
        {
            "user_id": np.repeat(histories.users, k),
            "rank": np.tile(np.arange(1, k + 1, dtype=np.int16), n_users),
            "item_id": item_ids[best].ravel(),
            "score": scores.ravel(),
        }
    ).cast(tables.RECOMMENDATIONS)


def _rank(
    ranker: Ranker,
    inputs: Callable[[np.ndarray], Inputs],
    waiting: np.ndarray,
    best: np.ndarray,
    scores: np.ndarray,
) -> np.ndarray:
    """Fill in the rows `waiting` of `best` and `scores` (item_index, float32); gives those of them that `ranker` did not settle."""

    def block(users: np.ndarray) -> tuple[np.ndarray, ...]:
        return tuple(part.cpu().numpy() for part in ranker.top_k(*inputs(users)))

    began = reported = time.monotonic()
    done, left = 0, np.empty(0, np.int64)
    step = ranker.exact.users_per_block
    with _threads_for_blocks(ranker.items.device) as pool:
        while (
            done < len(waiting) and 2 * len(left) <= done
        ):  # with more left over, screening so coarsely saves nothing
            blocks = [
                waiting[first : first + step]
                for first in range(done, min(done + pool.size * step, len(waiting)), step)
            ]
            for users, (found, values, settled) in zip(
                blocks, pool.map(block, blocks), strict=True
            ):
                best[users], scores[users] = found, values
                left = np.append(left, users[~settled])
                done += len(users)
            now = time.monotonic()
            if now - reported > REPORT_EVERY_S or done == len(waiting):
                reported, rate = now, done / max(now - began, 1e-9)
                log.info(
                    "ranked %d of %d users, %.0f users/s, %.0f s left",
                    done,
                    len(waiting),
                    rate,
                    (len(waiting) - done) / rate,
                )
    return np.append(left, waiting[done:])


class _Blocks(ThreadPoolExecutor):
    """Threads that rank a block of users each."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


@contextmanager
def _threads_for_blocks(device: torch.device) -> Iterator[_Blocks]:
    """As many as torch has on a processor, where its own threads would meet after every small operation; lists are the same either way."""
    threads = torch.get_num_threads()
    if device.type != "cpu":
        with _Blocks(1) as pool:
            yield pool
        return
    torch.set_num_threads(1)
    try:
        with _Blocks(threads) as pool:
            yield pool
    finally:
        torch.set_num_threads(threads)


def _check(model: NFM, histories: Histories, n_items: int, k: int) -> None:
    if len(model.items.weight) != n_items + 1:
        raise StudyError(
            f"the model knows {len(model.items.weight) - 1} items and items.parquet {n_items}: they are of different runs; train again"
        )
    if not all(bool(torch.isfinite(part).all()) for part in model.state_dict().values()):
        raise StudyError(
            "the model holds values that are not finite numbers; train again, with a smaller learning rate"
        )
    seen = np.diff(histories.starts)
    if len(seen) and n_items - seen.max() < k:
        user = histories.users[seen.argmax()]
        raise StudyError(
            f"top_k is {k}, but user {user} has only {n_items - seen.max()} of {n_items} items left to recommend; lower top_k"
        )
