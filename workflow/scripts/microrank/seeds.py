"""Random draws that depend on the study's seed and on nothing else."""

import zlib

import numpy as np


def generator(seed: int, purpose: str) -> np.random.Generator:
    """A generator of its own for each purpose (say "subset"), so that one stage's draws never shift another's."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode())])
