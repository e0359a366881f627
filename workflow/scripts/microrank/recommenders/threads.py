"""How many processors the arithmetic of a recommender may use."""

import os
import sys


def pin_threads(threads: int) -> None:
    """Let torch use so many threads: the last bits of a sum depend on their number.

    Most recommenders need no torch, which takes seconds to load.
    """
    os.environ["OMP_NUM_THREADS"] = str(threads)  # torch reads it when it is loaded
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(threads)
