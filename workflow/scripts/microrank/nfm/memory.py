"""Freed memory that a training keeps for its next step."""

import contextlib
import ctypes

# Of glibc's malloc.h. Blocks up to the first size come from a heap, whose freed end goes back to
# the system only beyond the second size.
M_MMAP_THRESHOLD, M_TRIM_THRESHOLD = -3, -1
KEPT_BYTES = 2**30


def keep_freed_memory() -> None:
    """Let this process keep what it frees, where its C library is glibc.

    Each step's gradient is as large as the catalogue's vectors. The system gives such memory page
    by page, and clears each page first. With 200,000 items this took half of a step.
    """
    with contextlib.suppress(AttributeError, OSError):
        library = ctypes.CDLL(None)
        library.mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
        library.mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
