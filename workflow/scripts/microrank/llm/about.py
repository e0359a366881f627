"""What a data set's items are called in prompts and on the page, and whether a prompt fits it.

An `about` has two keys, as `Studies.about` gives it: `about`, the words of the data set (None where
it has none), and `dataset`, what tells data sets of videos.
"""

import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from microrank.llm.prompts import UNKNOWN_ITEMS, Prompt

log = logging.getLogger(__name__)

WATCHED = "watched"
_VIDEOS = re.compile(r"\b(videos?|viewers?|watch(ed|es)?)\b", re.IGNORECASE)
_ARE_WATCHED = re.compile(r"video|movie|film|series|watch", re.IGNORECASE)
# Answer format -> a prompt of this repository for items of any kind; else `items`.
_FOR_ANY_ITEMS = {
    "titles": "items-likelihood",
    "labels": "items-first-token",
    "yes-no": "items-yes-no",
    "relevance": "relevance",
}


def with_about(prompt: Prompt, words: Mapping[str, str] | None) -> Prompt:
    """Fill {items} and {verb} of the messages.

    Args:
        prompt: As its file has it.
        words: `items` and `verb`, such as products and bought; None where the data set has none.
    """
    words = words or UNKNOWN_ITEMS
    return replace(prompt, system=_filled(prompt.system, words), user=_filled(prompt.user, words))


def _filled(text: str, words: Mapping[str, str]) -> str:
    for name in UNKNOWN_ITEMS:
        text = re.sub(rf"(?<!\{{)\{{{name}\}}(?!\}})", words[name], text)
    return text


def verb_of(about: Mapping[str, Any]) -> str:
    """What users did with items, such as watched, bought or chosen."""
    if about["about"]:
        return str(about["about"]["verb"])
    return WATCHED if _are_watched(about) else UNKNOWN_ITEMS["verb"]


def misfit(prompt: Prompt, name: str, about: Mapping[str, Any]) -> str | None:
    """Say where a prompt speaks of videos, and the data set is not known to be of any.

    Args:
        prompt: With its words filled in.
        name: Of the prompt.
        about: Of the data set.
    """
    if not _VIDEOS.search(prompt.system + prompt.user) or _are_watched(about):
        return None
    other = _FOR_ANY_ITEMS.get(prompt.answer_format, "items")
    return (
        f"prompt '{name}' speaks of videos and viewers, which this data set may not be about: "
        f"choose another one, such as `{other}`, and say what the items are by "
        "`about: {items: …, verb: …}` of the data set"
    )


def warn_of_misfits(prompts: Mapping[str, Prompt], about: Mapping[str, Any]) -> list[str]:
    """Log what `misfit` says of each prompt, by name, and return it."""
    said = [misfit(prompt, name, about) for name, prompt in prompts.items()]
    misfits = [text for text in said if text]
    for text in misfits:
        log.warning("%s", text)
    return misfits


def with_misfits(page: str, misfits: list[str]) -> str:
    """A page in Markdown, and at its end what `misfit` says."""
    return page + "".join(f"\nNote: {text}.\n" for text in misfits)


def _are_watched(about: Mapping[str, Any]) -> bool:
    words, dataset = about["about"], about["dataset"]
    if words is not None:
        return bool(_ARE_WATCHED.search(f"{words['items']} {words['verb']}"))
    paths = f"{dataset.get('pairs')} {dataset.get('page', '')}".lower()
    return "synthetic" in dataset or "microlens" in paths
