"""Random draws that depend on the study's seed and on nothing else."""

import zlib

import numpy as np


def generator(seed: int, purpose: str) -> np.random.Generator:
    """A generator of its own for each purpose, so that one stage's draws never shift another's.

    Args:
        seed: the study's, or a repeat's.
        purpose: the name of what is drawn, say "subset".
    """
    return np.random.default_rng([seed, zlib.crc32(purpose.encode())])
