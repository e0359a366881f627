"""How the raw files of a data set are to be read and cleaned: its entry of `datasets`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from microrank.data.presets import PRESETS

LEAVE_ONE_OUT, GLOBAL_TIME = "leave-one-out", "global-time"


@dataclass(frozen=True)
class FileFormat:
    """What cannot be told from a text file itself.

    Attributes:
        separator: between two fields; found by itself where absent.
        encoding: name of the encoding; UTF-8 or what the byte order mark says where absent.
        header: names of the columns of a file without a header.
    """

    separator: str | None = None
    encoding: str | None = None
    header: tuple[str, ...] = ()

    @classmethod
    def from_config(cls, section: Mapping[str, Any]) -> "FileFormat":
        """The format of a section `format` or `titles_format`."""
        return cls(**{**section, "header": tuple(section.get("header", ()))})


@dataclass(frozen=True)
class RawSettings:
    """What a data set's entry says of its raw files; `config/README.md` describes every key.

    Attributes:
        name: where in the configuration they stand, for messages, such as `datasets.mine`.
        columns_without: what the interactions have no column for, as the settings say by null.
        flags: attribute -> columns of 0 and 1 that make it up; of presets alone.
        missing_titles: share of the items without a title above which a warning is given.
        split_dates: of `global-time`: the dates after which valid and test begin.
    """

    name: str = "datasets.{name}"
    format: FileFormat = field(default_factory=FileFormat)
    titles_format: FileFormat = field(default_factory=FileFormat)
    columns: Mapping[str, str] = field(default_factory=dict)
    columns_without: frozenset[str] = frozenset()
    titles_columns: Mapping[str, str] = field(default_factory=dict)
    attributes: tuple[str, ...] = ()
    flags: Mapping[str, Sequence[str]] = field(default_factory=dict)
    time_unit: str = "auto"
    bad_rows: str = "error"
    min_rating: float | None = None
    repeats: str = "first"
    k_core: int | None = None
    min_interactions: int = 3
    missing_titles: float = 0.05
    split: str = LEAVE_ONE_OUT
    split_dates: tuple[str, ...] = ()

    @classmethod
    def from_config(cls, name: str, dataset: Mapping[str, Any]) -> "RawSettings":
        """The settings of one entry of `datasets`, laid over those of its preset.

        Args:
            name: of the entry.
            dataset: the entry.
        """
        preset = PRESETS[dataset["preset"]] if "preset" in dataset else {}
        merged = {key: dataset.get(key, preset.get(key)) for key in cls.__dataclass_fields__}
        chosen = {key: value for key, value in merged.items() if value is not None}
        for key in ("format", "titles_format"):
            section = {**preset.get(key, {}), **dataset.get(key, {})}
            chosen[key] = FileFormat.from_config(section)
        for key in ("columns", "titles_columns"):
            columns = {**preset.get(key, {}), **dataset.get(key, {})}
            chosen[key] = {what: name for what, name in columns.items() if name is not None}
        without = [what for what, name in dataset.get("columns", {}).items() if name is None]
        chosen["columns_without"] = frozenset(without)
        for key in ("attributes", "split_dates"):
            chosen[key] = tuple(chosen.get(key, ()))
        return cls(**{**chosen, "name": f"datasets.{name}"})
