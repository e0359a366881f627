"""How many processors the arithmetic of a recommender may use."""

import torch


def pin_threads(threads: int) -> None:
    """Let torch use so many threads: the last bits of a sum depend on their number."""
    torch.set_num_threads(threads)
