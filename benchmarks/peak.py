"""The rate of large float32 matrix products here; other rates are given as a share of it."""

import time
from collections.abc import Callable

import torch

SIZE = 1536


def peak_flops() -> float:
    """Flop/s of a product of SIZE × SIZE by the faster of torch's two libraries.

    Each is tried once, with the threads that torch has now.
    """
    one, other = torch.randn(2, SIZE, SIZE)
    ways = [
        lambda: torch.mm(one, other),
        lambda: torch.ops.mkldnn._linear_pointwise(one, other, None, "none", [], ""),
    ]
    return 2 * SIZE**3 / min(map(_seconds, ways))


def _seconds(way: Callable[[], torch.Tensor]) -> float:
    """Processor time, which other jobs on the machine disturb less than they do the clock."""
    began = time.process_time()
    way()
    return time.process_time() - began
