"""How results are judged: the config's section `report`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Scoring:
    """cutoffs: the N of Hits@N. confidence: of all intervals. bootstrap_samples: resamples behind the paired intervals."""

    cutoffs: tuple[int, ...] = (1, 5, 10, 15, 20)
    confidence: float = 0.95
    bootstrap_samples: int = 10_000

    @classmethod
    def from_config(cls, section: Mapping[str, Any]) -> "Scoring":
        """Of the section, what scoring needs."""
        return cls(tuple(section["cutoffs"]), section["confidence"], section["bootstrap_samples"])
