"""What was tried of a recommender on valid: `recommenders/{name}/trials.json`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from microrank.recommenders.grids import Setting


@dataclass(frozen=True)
class Trial:
    """A setting that was tried.

    Attributes:
        setting: What was tried.
        quality: NDCG@10 on the valid items, of the best epoch where it trains by epochs.
        curve: The same after each epoch; empty where there are none.
    """

    setting: Setting
    quality: float
    curve: tuple[float, ...] = ()

    @property
    def best_epoch(self) -> int:
        """From 1; the first of the best."""
        return self.curve.index(max(self.curve)) + 1

    @property
    def ended_while_improving(self) -> bool:
        """Whether its last epoch was its best."""
        return len(self.curve) > 1 and self.best_epoch == len(self.curve)

    @property
    def setting_to_refit(self) -> Setting:
        """The setting, and after how many epochs training ends."""
        return {**self.setting, "epochs": self.best_epoch} if self.curve else self.setting


@dataclass(frozen=True)
class Trials:
    """All that were tried.

    Attributes:
        n_users: Users whose valid items judged.
        trials: In the order in which they were tried.
    """

    n_users: int
    trials: tuple[Trial, ...]

    @property
    def best(self) -> Trial:
        """The first of the best."""
        return max(self.trials, key=lambda trial: trial.quality)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What `to_json` gave."""
        trials = (
            Trial(one["setting"], one["quality"], tuple(one["curve"])) for one in data["trials"]
        )
        return cls(data["n_users"], tuple(trials))

    def to_json(self) -> dict[str, Any]:
        """As `trials.json` has it."""
        return asdict(self)
