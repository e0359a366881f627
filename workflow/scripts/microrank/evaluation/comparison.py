"""What `comparison.json` of a study of several recommenders holds."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from microrank.evaluation.list_figures import ListFigures


@dataclass(frozen=True)
class Paired:
    """A difference of two hit rates of the same users, and the exact McNemar test of it.

    Attributes:
        delta: The first rate less the second.
        wins: Users who are a hit for the first only.
        losses: Users who are a hit for the second only.
        p_value: Of the test.
        p_holm: The same after Holm's correction for all tests of its table.
    """

    delta: float
    wins: int
    losses: int
    p_value: float
    p_holm: float = 1.0


@dataclass(frozen=True)
class ListPair:
    """Two recommenders' lists, over all users."""

    first: str
    second: str
    hits: Paired


@dataclass(frozen=True)
class SliceRow:
    """A row of a table of slices.

    Attributes:
        slice_name: The group of users.
        n_users: Its size.
        recommender: Whose lists.
        method: What re-ranked them; None: nothing did.
        baseline: What the row is compared with: another recommender, or the recommender's own
            order.
        rate: Hit rate.
        hits: Compared with the baseline.
    """

    slice_name: str
    n_users: int
    recommender: str
    method: str | None
    baseline: str
    rate: float
    hits: Paired


@dataclass(frozen=True)
class Difference:
    """How much a method gains on one recommender's lists, less what it gains on another's.

    Attributes:
        method: The re-ranking method.
        first: A recommender.
        second: Another one.
        gains: Of the method over each one's own order, shares of users.
        delta: The first gain less the second.
        low: Lower end of its interval.
        high: Upper end of its interval.
        p_value: Of the sign-flip test.
        p_within: Of the two one-sided tests that it lies within the margin.
        family: `primary` or `exploratory`.
        p_holm: `p_value` after Holm's correction within the family.
        p_within_holm: `p_within` after the same.
    """

    method: str
    first: str
    second: str
    gains: tuple[float, float]
    delta: float
    low: float
    high: float
    p_value: float
    p_within: float
    family: str
    p_holm: float = 1.0
    p_within_holm: float = 1.0


@dataclass(frozen=True)
class Comparison:
    """Several recommenders of one study.

    Attributes:
        n_users: Users of the subset.
        n_all: All users who have a list of each recommender.
        n_any: Those of whom some list holds the held-out item.
        k: Length of the lists.
        cutoff: The primary one.
        lists: Recommender -> what its lists are like.
        pairs: Every two recommenders.
        list_slices: The lists by group of users.
        differences: The differences of differences.
        method_slices: The re-ranked lists by group of users.
    """

    n_users: int
    n_all: int
    n_any: int
    k: int
    cutoff: int
    lists: Mapping[str, ListFigures]
    pairs: tuple[ListPair, ...]
    list_slices: tuple[SliceRow, ...]
    differences: tuple[Difference, ...]
    method_slices: tuple[SliceRow, ...]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What `to_json` gave."""
        lists = {name: ListFigures.from_json(one) for name, one in data["lists"].items()}
        pairs = (ListPair(**{**one, "hits": Paired(**one["hits"])}) for one in data["pairs"])
        differences = (
            Difference(**{**one, "gains": tuple(one["gains"])}) for one in data["differences"]
        )
        slices = {
            key: tuple(SliceRow(**{**one, "hits": Paired(**one["hits"])}) for one in data[key])
            for key in ("list_slices", "method_slices")
        }
        rest = {"lists": lists, "pairs": tuple(pairs), "differences": tuple(differences), **slices}
        return cls(**{**data, **rest})

    def to_json(self) -> dict[str, Any]:
        """As `comparison.json` has it."""
        return asdict(self)
