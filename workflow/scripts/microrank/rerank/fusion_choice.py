"""How a fusion's one number was chosen: `rankings/{method}.fusion.json`."""

from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass
from typing import Any

from microrank.methods import BEST


@dataclass(frozen=True)
class CurvePoint:
    """The quality that one value of the number gave on the tuning users.

    Attributes:
        value: The number that was tried.
        mean: Mean quality over the tuning users.
        standard_error: Standard error of that mean.
    """

    value: float
    mean: float
    standard_error: float


@dataclass(frozen=True)
class FusionChoice:
    """The number of a fusion, and what it was chosen by.

    Attributes:
        fusion: The kind of fusion, `reciprocal`, `z-score`, `best` or `learned`.
        of: Names of the fused methods, in the order of the formula.
        chosen: The number; of `best` the index in `of`.
        tuning_users: How many users it was chosen on.
        metric: The quality that decided, such as `ndcg@10`.
        curve: Every value that was tried, ascending.
        weights: Of `learned` the weight of each part, else empty.
    """

    fusion: str
    of: tuple[str, ...]
    chosen: float
    tuning_users: int
    metric: str
    curve: tuple[CurvePoint, ...]
    weights: tuple[float, ...] = ()

    @property
    def used(self) -> tuple[str, ...]:
        """The parts that the fused order rests on."""
        return (self.of[int(self.chosen)],) if self.fusion == BEST else self.of

    def to_json(self) -> dict[str, Any]:
        """The choice, ready for JSON; a point of the curve is a list of its three numbers."""
        return {
            **asdict(self),
            "of": list(self.of),
            "weights": list(self.weights),
            "curve": [list(astuple(point)) for point in self.curve],
        }

    @classmethod
    def from_json(cls, section: Mapping[str, Any]) -> "FusionChoice":
        """A choice as `to_json` gives it."""
        points = tuple(CurvePoint(*point) for point in section["curve"])
        weights = tuple(section.get("weights", ()))
        of = tuple(section["of"])
        return cls(**{**section, "of": of, "curve": points, "weights": weights})
