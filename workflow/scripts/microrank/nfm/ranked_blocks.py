"""Users ranked block by block, for their lists and for validation."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch

from microrank.nfm.histories import Histories
from microrank.nfm.model import NFM
from microrank.nfm.threads import python_threads
from microrank.nfm.topk import Ranker

# What `Ranker.top_k` takes: S, F, and (row, item_index) of what was seen.
Inputs = tuple[torch.Tensor, torch.Tensor, tuple[torch.Tensor, torch.Tensor]]


@torch.no_grad()
def ranker_inputs(
    model: NFM, histories: Histories, users: np.ndarray, history_length: int
) -> Inputs:
    """What `Ranker.top_k` takes of the users at these places, by a model in float64."""
    device = model.items.weight.device
    newest = torch.from_numpy(histories.newest(users, history_length)).to(device)
    row, item = (torch.from_numpy(part).to(device) for part in histories.seen(users))
    return *model.history_state(newest), (row, item)


def ranked_blocks(
    ranker: Ranker, inputs: Callable[[np.ndarray], Inputs], n_users: int
) -> Iterator[tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]]:
    """Rank users block by block, a block in each of torch's threads.

    Args:
        ranker: ranks a block of users.
        inputs: gives what it needs of the users at these places.
        n_users: of all blocks.

    Yields:
        Places of a block's users; item_index [n, k] and scores [n, k] of their lists.
    """

    def ranked(users: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        best, scores = ranker.top_k(*inputs(users))
        return best.cpu().numpy(), scores.cpu().numpy()

    step = ranker.users_per_block
    blocks = [np.arange(first, min(first + step, n_users)) for first in range(0, n_users, step)]
    with _full_float32(), python_threads(ranker.items.device) as threads:
        yield from zip(blocks, threads.map(ranked, blocks), strict=True)


@contextmanager
def _full_float32() -> Iterator[None]:
    """Products are of full float32: the bounds of `topk` do not cover TF32 or bfloat16."""
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(precision)
