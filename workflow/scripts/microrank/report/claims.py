"""Published figures as data: the files of resources/claims, one a source."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Protocol:
    """What published figures are about.

    Attributes:
        dataset: Entry of `datasets` with the same data.
        recommender: Whose lists are ranked: `nfm`, or the `recommender` of a data set.
        users: `hits`: whose list holds the held-out item; `drawn`: a sample of all; `all`.
        candidates: `top`: the recommender's first; `random`: drawn items; `several`: the first of
            several recommenders; `catalogue`: everything.
        length: Number of candidates; None where the source does not tell.
        recipe: Keys of `nfm.recipes` that must be the same.
    """

    dataset: str
    recommender: str
    users: str
    candidates: str
    length: int | None = None
    recipe: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_over_all_users(self) -> bool:
        """Whether everybody's whole catalogue was ranked."""
        return self.users == "all" and self.candidates == "catalogue"


@dataclass(frozen=True)
class Figure:
    """One number.

    Attributes:
        metric: `hits`, `hr`, `ndcg` or `mrr`.
        cutoff: N.
        value: Users with a hit, or a mean over users.
    """

    metric: str
    cutoff: int
    value: float

    @property
    def name(self) -> str:
        """Return Hits@5, HR@10 or the like."""
        return f"{'Hits' if self.metric == 'hits' else self.metric.upper()}@{self.cutoff}"


@dataclass(frozen=True)
class Claim:
    """What a source says of one method.

    Attributes:
        source: What the report calls it.
        read: Address at which the figures were read.
        protocol: What they are about.
        n: Number of users; None where the source does not tell.
        method: What the source calls the method.
        kind: `recommender`, `encoder`, `llm` or `reference`.
        figures: The numbers.
        model: Part of the model's name, in any case; without it, no model is the same.
        settings: Settings of a re-ranker that must be the same.
    """

    source: str
    read: str
    protocol: Protocol
    n: int | None
    method: str
    kind: str
    figures: tuple[Figure, ...]
    model: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


def read_claims(paths: Iterable[str | Path]) -> list[Claim]:
    """Read files that `workflow.claims.check_claims` has checked, in this order."""
    return [claim for path in paths for claim in _claims(Path(path))]


def _claims(path: Path) -> Iterator[Claim]:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    source = content["source"]
    for result in content["results"]:
        protocol = Protocol(**result["protocol"])
        for row in result["numbers"]:
            figures = tuple(_figure(name, row[name]) for name in row if "@" in name)
            named = {name: value for name, value in row.items() if "@" not in name}
            yield Claim(
                source["name"],
                source["read"],
                protocol,
                result.get("n"),
                figures=figures,
                **named,
            )


def _figure(name: str, value: float) -> Figure:
    metric, cutoff = name.split("@")
    return Figure(metric.lower(), int(cutoff), value)
