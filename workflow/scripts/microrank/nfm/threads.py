"""Work that Python threads share, while torch works with one thread in each.

Torch's own threads meet after every operation, so all wait whenever one of them has to give way to
another program. These meet when their parts are done.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Threads:
    """Python threads.

    Attributes:
        count: how many they are.
        map: as the built-in `map`, with a call in each thread.
    """

    count: int
    map: Callable[..., Iterator[Any]]


ONE_THREAD = Threads(1, map)


@contextmanager
def python_threads(device: torch.device) -> Iterator[Threads]:
    """On a processor, as many threads as torch has, and torch with one thread until the end.

    A GPU gets one.
    """
    count = torch.get_num_threads()
    if device.type != "cpu" or count == 1:
        yield ONE_THREAD
        return
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(count) as pool:
            yield Threads(count, pool.map)
    finally:
        torch.set_num_threads(count)
