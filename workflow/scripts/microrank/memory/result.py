"""What a probe of a model's memory found."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Completed:
    """Titles that a model completed.

    Attributes:
        titles: That it was asked about.
        exact: Of these, whose rest it wrote word for word.
        chosen_from: Titles whose own ending stood beside others; 0 where the model gives no
            log-probabilities.
        likeliest: Of these, whose own ending was the likeliest.
    """

    titles: int = 0
    exact: int = 0
    chosen_from: int = 0
    likeliest: int = 0


@dataclass(frozen=True)
class Memory:
    """What one model knows of the titles.

    Attributes:
        llm: The entry of `llms`.
        everything: Of all titles.
        chance: Share of titles whose own ending is likeliest by chance.
        until: The date up to which the model's training data go; None where it is not told.
        newer: Of titles of items that are newer; None where that is not known.
        keys: Of the answers in the store.
    """

    llm: str
    everything: Completed
    chance: float
    until: str | None = None
    newer: Completed | None = None
    keys: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, section: Mapping[str, Any]) -> "Memory":
        """Read what `to_json` gives."""
        newer = section["newer"]
        return cls(
            llm=section["llm"],
            everything=Completed(**section["everything"]),
            chance=section["chance"],
            until=section["until"],
            newer=None if newer is None else Completed(**newer),
            keys=tuple(section["keys"]),
        )
