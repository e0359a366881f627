"""The study that a config describes, its repeats, and where their data come from.

Two kinds of folders lie below `results/`. A data set's holds splits and the recommender's lists.
A study's holds what is made of them. They are one folder where the study is named after its data
set. A repeat has another seed and folders of its own: `{study}.seed-{seed}`, whose splits and
lists lie in `{dataset}.seed-{seed}`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from microrank.data.raw_keys import RAW_KEYS, about_of
from microrank.methods import NFM, Recommender, recommender_names


def name_of_study(config: Mapping[str, Any]) -> str:
    """The study's own name; where it has none, its data set's."""
    return str(config.get("study") or config["dataset"])


@dataclass(frozen=True)
class Studies:
    """The study of a checked config, its repeats, and the data sets beside it, by folder."""

    config: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The folder of the study itself: of its first recommender."""
        return self.folder_of(recommender_names(self.config)[0])

    def folder_of(self, recommender: str) -> str:
        """The folder of what is made of this recommender's lists, an entry of `recommenders`."""
        own = name_of_study(self.config)
        return own if recommender == NFM else f"{own}.{recommender}"

    @cached_property
    def folders(self) -> dict[str, str]:
        """Recommender -> the study's folder."""
        return {name: self.folder_of(name) for name in recommender_names(self.config)}

    @cached_property
    def seeds(self) -> dict[str, int]:
        """Folder -> seed, of the study and its repeats."""
        return self._with_repeats(self.name)

    @cached_property
    def all_seeds(self) -> dict[str, int]:
        """The same of every recommender's."""
        seeds: dict[str, int] = {}
        for folder in self.folders.values():
            seeds |= self._with_repeats(folder)
        return seeds

    @cached_property
    def data_seeds(self) -> dict[str, int]:
        """Folder -> seed, of the study's data set and its repeats."""
        return self._with_repeats(self.config["dataset"])

    def _with_repeats(self, name: str) -> dict[str, int]:
        first, repeats = self.config["seed"], self.config["repeats"]
        others = range(first + 1, first + repeats)
        return {name: first} | {f"{name}.seed-{seed}": seed for seed in others}

    @property
    def data_folders(self) -> list[str]:
        """The folders of every data set, and of the repeats of the study's."""
        return list(dict.fromkeys([*self.config["datasets"], *self.data_seeds]))

    @property
    def own_lists(self) -> list[str]:
        """The data sets' folders whose lists another recommender made."""
        return [folder for folder in self.data_folders if not self.recommender(folder).is_trained]

    @property
    def own_is_trained(self) -> bool:
        """Whether this workflow trains the data set's own recommender."""
        return self.recommender(self.config["dataset"]).is_trained

    @property
    def bundled(self) -> list[str]:
        """The study's folders that replay a bundle."""
        return [folder for folder in self.seeds if self.origin(folder)]

    @property
    def is_compared(self) -> bool:
        """Whether the study is about several recommenders."""
        return len(self.folders) > 1

    def data_of(self, folder: str) -> str:
        """The folder of the data that a study's folder rests on; of a data set's folder itself."""
        return self._data.get(folder, folder)

    @cached_property
    def _data(self) -> dict[str, str]:
        return {
            study: data
            for folder in self.folders.values()
            for study, data in zip(self._with_repeats(folder), self.data_seeds, strict=True)
        }

    def seed(self, folder: str) -> int:
        """The seed of every random draw for this folder."""
        return self.data_seeds.get(self.data_of(folder), int(self.config["seed"]))

    def dataset(self, folder: str) -> Mapping[str, Any]:
        """The entry of `datasets`."""
        data = self.data_of(folder)
        name = self.config["dataset"] if data in self.data_seeds else data
        settings: Mapping[str, Any] = self.config["datasets"][name]
        return settings

    def pairs(self, folder: str) -> list[str]:
        """The paths of the interactions: one file, or two of the same."""
        pairs = self.dataset(folder)["pairs"]
        return [pairs] if isinstance(pairs, str) else list(pairs)

    def raw_settings(self, folder: str) -> dict[str, Any]:
        """How the raw files are read, cleaned and split, and their checksums."""
        dataset = self.dataset(folder)
        return {key: dataset[key] for key in ("checksums", *RAW_KEYS) if key in dataset}

    def about(self, folder: str) -> dict[str, Any]:
        """What prompts call the items (None where unknown), and what tells data sets of videos."""
        dataset = self.dataset(folder)
        keys = ("pairs", "page", "synthetic")
        told = {key: dataset[key] for key in keys if key in dataset}
        if self.origin(folder).get("synthetic"):  # of the study that was packed
            told["synthetic"] = True
        return {"about": about_of(dataset), "dataset": told}

    def recommender(self, folder: str) -> Recommender:
        """Who made the lists of a study's folder; of a data set's folder, its own."""
        for name, first in self.folders.items():
            if name != NFM and folder in self._with_repeats(first):
                return Recommender.of_study(self.config, name)
        return Recommender.from_dataset(self.dataset(folder))

    def origin(self, folder: str) -> Mapping[str, Any]:
        """What the packed study of a bundle's data set was; empty for other data sets."""
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
        return f"results/{self.data_of(folder)}/{self.recommender(folder).folder}/{name}"

    def tuning_lists(self, folder: str) -> str:
        """The path of the recommender's lists that were made without the valid items."""
        return _lists(self.recommender(folder), self.data_of(folder), is_tuning=True)

    def lists_of(self, name: str, data: str, *, is_tuning: bool) -> str:
        """The path of the lists of a recommender of that name, in a data set's folder."""
        return _lists(Recommender.of_study(self.config, name), data, is_tuning=is_tuning)

    def lists_beside(self, folder: str) -> list[str]:
        """The paths of the other recommenders' lists, which are about the same users."""
        data = self.data_of(folder)
        return [
            self.of_recommender(study, "recommendations.parquet")
            for study in self.all_seeds
            if study != folder and self.data_of(study) == data
        ]

    def training_curve(self, folder: str) -> list[str]:
        """The path of the curve of NFM's training; none for another recommender's lists."""
        if not self.recommender(folder).is_nfm:
            return []
        if self.origin(folder):
            return [self.packed(folder, "training.csv")]
        return [f"results/{self.data_of(folder)}/nfm/training.csv"]


def _lists(recommender: Recommender, data: str, *, is_tuning: bool) -> str:
    """The path of lists; those of the data set's own that are for tuning lie beside its folder."""
    folder = recommender.folder
    if is_tuning:
        folder = f"{folder}/tuning" if recommender.is_other else "tuning"
    return f"results/{data}/{folder}/recommendations.parquet"
