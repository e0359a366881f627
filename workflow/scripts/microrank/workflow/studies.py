"""The study that a config describes, its repeats, and where their data come from.

The study and each repeat has a folder below `results/`. A repeat's, `{dataset}.seed-{seed}`, looks
like that of another data set: it has the same raw files and another seed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from microrank.methods import Recommender


@dataclass(frozen=True)
class Studies:
    """The study of a checked config, its repeats, and the data sets beside it, by folder."""

    config: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The folder of the study itself."""
        return str(self.config["dataset"])

    @cached_property
    def seeds(self) -> dict[str, int]:
        """Folder -> seed, of the study and its repeats."""
        first, repeats = self.config["seed"], self.config["repeats"]
        others = range(first + 1, first + repeats)
        return {self.name: first} | {f"{self.name}.seed-{seed}": seed for seed in others}

    @property
    def folders(self) -> list[str]:
        """All folders that rules can make: those of the study and of every data set."""
        return [*self.config["datasets"], *self.seeds]

    @property
    def own_lists(self) -> list[str]:
        """The folders whose lists another recommender made."""
        return [folder for folder in self.folders if not self.recommender(folder).is_trained]

    @property
    def bundled(self) -> list[str]:
        """The folders that replay a bundle."""
        return [folder for folder in self.folders if self.origin(folder)]

    def seed(self, folder: str) -> int:
        """The seed of every random draw for this folder."""
        return int(self.seeds.get(folder, self.config["seed"]))

    def dataset(self, folder: str) -> Mapping[str, Any]:
        """The entry of `datasets`."""
        name = self.name if folder in self.seeds else folder
        settings: Mapping[str, Any] = self.config["datasets"][name]
        return settings

    def pairs(self, folder: str) -> list[str]:
        """The paths of the interactions: one file, or two of the same."""
        pairs = self.dataset(folder)["pairs"]
        return [pairs] if isinstance(pairs, str) else list(pairs)

    def recommender(self, folder: str) -> Recommender:
        """Who made the lists."""
        return Recommender.from_dataset(self.dataset(folder))

    def origin(self, folder: str) -> Mapping[str, Any]:
        """Of a bundle's data set, what the packed study was; of others nothing."""
        origin: Mapping[str, Any] = self.dataset(folder).get("origin", {})
        return origin

    def packed(self, folder: str, name: str) -> str:
        """The path in the bundle of the file that this folder's rules would make as `name`."""
        return f"{self.origin(folder)['files']}/{self.seed(folder)}/{name}"

    def given_lists(self, folder: str, key: str) -> str:
        """The path of the lists that the user gives.

        Args:
            folder: of a data set with such lists; in a bundle each repeat has its own.
            key: `recommendations`, or `recommendations_for_tuning`.
        """
        if self.origin(folder):
            return self.packed(folder, f"{key}.parquet")
        return str(self.dataset(folder)[key])

    def of_recommender(self, folder: str, name: str) -> str:
        """The path of a file beside the recommender's lists, whoever made them."""
        return f"results/{folder}/{self.recommender(folder).folder}/{name}"

    def training_curve(self, folder: str) -> list[str]:
        """The path of the curve of NFM's training; none for another recommender's lists."""
        if not self.recommender(folder).is_nfm:
            return []
        if self.origin(folder):
            return [self.packed(folder, "training.csv")]
        return [f"results/{folder}/nfm/training.csv"]
