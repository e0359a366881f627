"""The sections `recommenders` and `recommender_settings`, held against each other and the rest."""

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from microrank.errors import StudyError
from microrank.methods import LISTS, NFM, recommender_names, recommenders_used
from microrank.recommenders.grids import GRIDS
from microrank.workflow.place import find_file
from microrank.workflow.references import check_name, no_file

KINDS = ("model", "file", "lists", "union")
KEYS_OF_LISTS = ("lists", "lists_for_tuning")
LIKE_A_REPEAT = re.compile(r"seed-\d+$", re.IGNORECASE)


def check_recommenders(config: Mapping[str, Any]) -> None:
    """Check which recommenders run, and the settings of all.

    Raises:
        StudyError: names the key and what is wrong with it.
    """
    settings = config["recommender_settings"]
    for name, entry in settings.items():
        _check_name_of(name, config)
        _check_entry(f"recommender_settings.{name}", entry)
        for part in entry.get("union", ()):
            single = [NFM, *(other for other, of in settings.items() if "union" not in of)]
            section = f"{NFM} and the recommender_settings that are no unions themselves"
            check_name(f"recommender_settings.{name}.union", part, single, section)
    names = recommender_names(config)
    for name in names:
        check_name("recommenders", name, [NFM, *settings], f"{NFM} and recommender_settings")
    for name in recommenders_used(config):
        _check_files(config, name)


def _check_name_of(name: str, config: Mapping[str, Any]) -> None:
    where = "config: recommender_settings"
    if name == NFM or LIKE_A_REPEAT.match(name):
        why = "the data set's own" if name == NFM else "what a repeat's folder is called"
        raise StudyError(f"{where}: '{name}' is {why}; give this recommender another name")
    if f"{name}{LISTS}" in config["rerankers"]:
        raise StudyError(
            f"{where}: the lists of '{name}' are the row '{name}{LISTS}', which is a method's name "
            "too; give one of them another name"
        )


def _check_entry(where: str, entry: Mapping[str, Any]) -> None:
    kinds = [kind for kind in KINDS if kind in entry]
    if len(kinds) != 1:
        raise StudyError(
            f"config: {where}: must have one of {', '.join(KINDS)}, and has "
            f"{' and '.join(kinds) or 'none'}"
        )
    others = [key for key in entry if key not in (*KINDS, *KEYS_OF_LISTS)]
    known = list(GRIDS[entry["model"]][0]) if "model" in entry else []
    for key in others:
        if key not in known:
            of = entry.get("model", f"a recommender with `{kinds[0]}`")
            raise StudyError(
                f"config: {where}.{key}: is no setting of {of}; known: {', '.join(known) or 'none'}"
            )


def _check_files(config: Mapping[str, Any], name: str) -> None:
    """The files of a recommender that runs are there, and lists to tune fusions on."""
    entry = config["recommender_settings"].get(name, {})
    where = f"recommender_settings.{name}"
    for key, path in _files(entry):
        if not os.path.isfile(find_file(path)):
            raise no_file(f"{where}.{key}", path)
    fused = [method for method in config["methods"] if "fusion" in config["rerankers"][method]]
    if fused and "lists" in entry and "lists_for_tuning" not in entry:
        raise StudyError(
            f"config: methods: '{fused[0]}' is a fusion, whose number is chosen on lists made "
            f"without the last but one items: name such a file as {where}.lists_for_tuning, or "
            "leave fusions out of methods"
        )


def _files(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from ((key, entry[key]) for key in ("file", *KEYS_OF_LISTS) if key in entry)
