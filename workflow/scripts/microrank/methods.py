"""The methods of a study: what each one is, what it is made of, and which of them run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

from microrank.services.adapters import CROSS_ENCODERS, is_simulated

NFM = "nfm"  # the trained recommender; in the parts of a fusion, whichever recommender runs
OWN_LISTS = "own-lists"  # another recommender, whose lists come without a name
LISTS = "-lists"  # behind the name of a recommender: its row; `item-knn` is a method already
OTHERS = "recommenders"  # the folder of the recommenders beside the data set's own
SIMULATED_KIND = "simulated "  # stands before the kind of a method that asks a simulated model
LEARNED = "learned"  # the fusion that has a weight for each part, fitted to the tuning users
BEST = "best"  # the fusion that is the best one of its parts; `choose` in the config
SWEEP = ("first", "middle", "last")  # places at which a sweep shows the held-out item
CROSS_ENCODER_KIND = "cross-encoder"  # it scores pairs of texts, and is no language model
# The setting that only a re-ranker of this kind has; a method in a file counts as a reference.
KIND_OF_SETTING = {
    "llm": "llm",
    "encoder": "encoder",
    "fusion": "fusion",
    "reference": "reference",
    "file": "reference",
}


@dataclass(frozen=True)
class Recommender:
    """The recommender whose lists are re-ranked.

    Attributes:
        name: of its row in tables and figures.
        folder: where its lists lie below `results/{dataset}/`: `nfm` of the one that this workflow
            trains, `lists` of the data set's own, else `recommenders/{name}`.
    """

    name: str = NFM
    folder: str = NFM

    @classmethod
    def from_dataset(cls, dataset: Mapping[str, Any]) -> Self:
        """The recommender of an entry of `datasets`; a packed study's keeps its name."""
        if "recommendations" not in dataset:
            return cls()
        name = dataset.get("recommender", OWN_LISTS)
        return cls(dataset.get("origin", {}).get("recommender", name), "lists")

    @classmethod
    def of_study(cls, config: Mapping[str, Any], name: str) -> Self:
        """The recommender that a study calls so; `nfm` is the data set's, whoever made its lists.

        Args:
            config: with `dataset` and `datasets`.
            name: an entry of `recommenders`.
        """
        if name != NFM:
            return cls(f"{name}{LISTS}", f"{OTHERS}/{name}")
        return cls.from_dataset(config["datasets"][config["dataset"]])

    @property
    def is_trained(self) -> bool:
        """Whether this workflow trains an NFM; else the data set's lists are read from a file."""
        return self.folder == NFM

    @property
    def is_other(self) -> bool:
        """Whether it stands beside the data set's own."""
        return self.folder.startswith(f"{OTHERS}/")

    @property
    def is_nfm(self) -> bool:
        """Whether its lists are NFM's, be they read from a packed study."""
        return self.name == NFM


@dataclass(frozen=True)
class Method:
    """A row of the report.

    Attributes:
        name: the key of `rerankers`, or the recommender's name.
        kind: `recommender`, `encoder`, `cross-encoder`, `llm`, `fusion` or `reference`; with
            `simulated ` before it where the method, or a part of it, asks a simulated model.
        parts: of a fusion, in the config's order; the recommender among them.
        settings: the entry of `rerankers`; empty for the recommender.
    """

    name: str
    kind: str
    parts: tuple["Method", ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], name: str, recommender: "Method") -> Self:
        """The method of the entry `name` of `rerankers`, its parts included."""
        settings = config["rerankers"][name]
        parts = tuple(
            recommender if part == NFM else cls.from_config(config, part, recommender)
            for part in settings.get("of", ())
        )
        kind = next(kind for key, kind in KIND_OF_SETTING.items() if key in settings)
        adapter = config["llms"][settings["llm"]]["adapter"] if "llm" in settings else ""
        if adapter in CROSS_ENCODERS:
            kind = CROSS_ENCODER_KIND
        rests_on_none = any(part.is_simulated for part in parts) or is_simulated(adapter)
        return cls(name, f"{SIMULATED_KIND}{kind}" if rests_on_none else kind, parts, settings)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What `to_json` gave."""
        parts = tuple(cls.from_json(part) for part in data["parts"])
        return cls(data["name"], data["kind"], parts, data["settings"])

    def to_json(self) -> dict[str, Any]:
        """JSON data for a param of a rule."""
        parts = [part.to_json() for part in self.parts]
        own = {"name": self.name, "kind": self.kind, "settings": dict(self.settings)}
        return own | {"parts": parts}

    @property
    def asks_llm(self) -> bool:
        """Whether the method itself asks a language model or a cross-encoder of `llms`."""
        return "llm" in self.settings

    @property
    def changes(self) -> list[str]:
        """What the method is tried on: other histories, the held-out item at other places."""
        sweep = SWEEP if self.settings.get("sweep") else ()
        return [*self.settings.get("placebos", ()), *sweep]

    @property
    def rests_on_llm(self) -> bool:
        """Whether the method, or a part of it, asks a language model."""
        is_asking = self.asks_llm and self.kind != CROSS_ENCODER_KIND
        return is_asking or any(part.rests_on_llm for part in self.parts)

    @property
    def is_simulated(self) -> bool:
        """Whether the method, or a part of it, asks a simulated model."""
        return self.kind.startswith(SIMULATED_KIND)

    @property
    def is_recommender(self) -> bool:
        """Whether it is the recommender's own order."""
        return self.kind == "recommender"

    @property
    def is_fusion(self) -> bool:
        """Whether it is made of other methods' orders."""
        return "fusion" in self.settings


@dataclass(frozen=True)
class Methods:
    """The methods that run.

    Attributes:
        recommender: the recommender's own order, a row of every report.
        shown: the report's other rows, in the order of `methods`.
    """

    recommender: Method
    shown: tuple[Method, ...]

    @classmethod
    def from_config(cls, config: Mapping[str, Any], name: str | None = None) -> Self:
        """The methods of a checked config's study.

        Args:
            config: the config.
            name: of the recommender, an entry of `recommenders`; None for the first one.
        """
        name = recommender_names(config)[0] if name is None else name
        recommender = Method(Recommender.of_study(config, name).name, "recommender")
        shown = (Method.from_config(config, name, recommender) for name in config["methods"])
        return cls(recommender, tuple(shown))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What `to_json` gave."""
        shown = tuple(Method.from_json(method) for method in data["shown"])
        return cls(Method.from_json(data["recommender"]), shown)

    def to_json(self) -> dict[str, Any]:
        """JSON data for a param of a rule."""
        shown = [method.to_json() for method in self.shown]
        return {"recommender": self.recommender.to_json(), "shown": shown}

    @cached_property
    def primary(self) -> tuple[Method, ...]:
        """The rows that ask a language model, or fuse one's order; simulated ones only if all."""
        asked = tuple(method for method in self.shown if method.rests_on_llm)
        return tuple(method for method in asked if not method.is_simulated) or asked

    @cached_property
    def asked_by_primary(self) -> list[str]:
        """The names of those among the primary rows and their parts that ask a language model."""
        parts = [part for method in self.primary for part in method.parts]
        return asking(_without_repeats([*self.primary, *parts]))

    @cached_property
    def used(self) -> tuple[Method, ...]:
        """The rows `shown`, then those that only fusions need."""
        return _without_repeats([*self.shown, *self.tuned])

    @cached_property
    def tuned(self) -> tuple[Method, ...]:
        """The parts of fusions, the recommender aside: they rank the tuning users' lists too."""
        parts = (part for method in self.shown for part in method.parts)
        return _without_repeats(part for part in parts if not part.is_recommender)

    @property
    def changed(self) -> list[tuple[str, str]]:
        """Each row's name with each change that it is tried on."""
        return [(method.name, change) for method in self.shown for change in method.changes]

    @property
    def asked_again(self) -> list[tuple[str, int]]:
        """Each row's name with the number of each further answer to its questions, from 2."""
        repeats = {of.name: of.settings.get("repeats_of_answers", 1) for of in self.shown}
        return [(name, number) for name, last in repeats.items() for number in range(2, last + 1)]

    @property
    def with_and_without_model(self) -> list[tuple[str, str]]:
        """Pairs of learned rows: one with a language model's score, the other without."""
        learned = [method for method in self.fusions if method.settings["fusion"] == LEARNED]
        return [
            (one.name, other.name)
            for one in learned
            for other in learned
            if _adds_models_alone(one.parts, other.parts)
        ]

    @cached_property
    def fusions(self) -> tuple[Method, ...]:
        """The fusions among the rows."""
        return tuple(method for method in self.shown if method.is_fusion)

    @cached_property
    def kinds(self) -> dict[str, str]:
        """Name -> kind, of the recommender and every used method."""
        return {name: method.kind for name, method in self._by_name.items()}

    @cached_property
    def _by_name(self) -> dict[str, Method]:
        return {method.name: method for method in (self.recommender, *self.used)}

    def __getitem__(self, name: str) -> Method:
        """The recommender or the used method of this name.

        Raises:
            KeyError: none of that name runs.
        """
        return self._by_name[name]


def recommender_names(config: Mapping[str, Any]) -> list[str]:
    """The names in `recommenders`; NFM's alone in a config of before there were others."""
    return list(config.get("recommenders", [NFM]))


def recommenders_used(config: Mapping[str, Any], names: Sequence[str] | None = None) -> list[str]:
    """These recommenders, then those that only union pools among them need.

    Args:
        config: a study's.
        names: None: all in `recommenders`.
    """
    names = recommender_names(config) if names is None else names
    settings = config.get("recommender_settings", {})
    parts = [part for name in names for part in settings.get(name, {}).get("union", ())]
    return list(dict.fromkeys([*names, *parts]))


def without_prior(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that subtract nothing: without a history that would leave every score at 0."""
    return {**settings, **{key: False for key in ("prior", "calibrate") if key in settings}}


def names_of(methods: Iterable[Method]) -> list[str]:
    """The methods' names."""
    return [method.name for method in methods]


def asking(methods: Iterable[Method]) -> list[str]:
    """The names of those that ask an entry of `llms` themselves."""
    return [method.name for method in methods if method.asks_llm]


def settings_used(methods: Iterable[Method], key: str) -> list[str]:
    """What these methods name under a key of their settings (`encoder`, `llm`, …), sorted."""
    return sorted({method.settings[key] for method in methods if key in method.settings})


def _adds_models_alone(more: Iterable[Method], fewer: Iterable[Method]) -> bool:
    """Whether the first are the second and language models besides."""
    names = set(names_of(fewer))
    added = [method for method in more if method.name not in names]
    return bool(added) and names <= set(names_of(more)) and all(of.rests_on_llm for of in added)


def _without_repeats(methods: Iterable[Method]) -> tuple[Method, ...]:
    return tuple({method.name: method for method in methods}.values())
