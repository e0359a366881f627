"""The keys of an entry of `datasets` that say how its raw files are read, cleaned and split."""

from collections.abc import Mapping
from typing import Any

from microrank.data.presets import PRESETS

FIRST_INTERACTION = "first-interaction"  # as `item_date` of a data set
RAW_KEYS = (
    "preset",
    "format",
    "titles_format",
    "columns",
    "titles_columns",
    "attributes",
    "time_unit",
    "bad_rows",
    "min_rating",
    "repeats",
    "k_core",
    "min_interactions",
    "missing_titles",
    "split",
    "split_dates",
)


def about_of(dataset: Mapping[str, Any]) -> Mapping[str, str] | None:
    """What the items of an entry of `datasets` are called: its own `about`, or its preset's."""
    preset = PRESETS.get(dataset.get("preset", ""), {})
    about: Mapping[str, str] | None = dataset.get("about", preset.get("about"))
    return about
