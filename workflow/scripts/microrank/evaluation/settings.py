"""How results are scored: part of the config's section `report`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Scoring:
    """What scoring needs of the config.

    Attributes:
        cutoffs: The N of Hits@N.
        confidence: Confidence level of all intervals.
        bootstrap_samples: Resamples behind the paired intervals.
        margin: Difference of two hit rates below which they are as good as equal.
    """

    cutoffs: tuple[int, ...] = (1, 5, 10, 15, 20)
    confidence: float = 0.95
    bootstrap_samples: int = 10_000
    margin: float = 0.05

    @classmethod
    def from_config(cls, section: Mapping[str, Any]) -> "Scoring":
        """Take what scoring needs from the section `report`."""
        return cls(
            tuple(section["cutoffs"]),
            section["confidence"],
            section["bootstrap_samples"],
            section["margin"],
        )
