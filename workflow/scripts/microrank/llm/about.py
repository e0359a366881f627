"""What a data set's items are called in prompts, and whether a prompt fits the data set."""

import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from microrank.llm.prompts import UNKNOWN_ITEMS, Prompt

log = logging.getLogger(__name__)

_VIDEOS = re.compile(r"\b(videos?|viewers?|watch(ed|es)?)\b", re.IGNORECASE)
_WATCHED = re.compile(r"video|movie|film|series|watch", re.IGNORECASE)


def with_about(prompt: Prompt, about: Mapping[str, str] | None) -> Prompt:
    """Fill {items} and {verb} of the messages.

    Args:
        prompt: As its file has it.
        about: `items` and `verb`, such as products and bought; None where the data set has none.
    """
    words = about or UNKNOWN_ITEMS
    return replace(prompt, system=_filled(prompt.system, words), user=_filled(prompt.user, words))


def _filled(text: str, words: Mapping[str, str]) -> str:
    for name in UNKNOWN_ITEMS:
        text = re.sub(rf"(?<!\{{)\{{{name}\}}(?!\}})", words[name], text)
    return text


def warn_of_videos(
    prompt: Prompt, name: str, about: Mapping[str, str] | None, dataset: Mapping[str, Any]
) -> None:
    """Warn where a prompt speaks of videos, and the data set is not known to be of any.

    Args:
        prompt: With `about` filled in.
        name: The prompt's name, for the message.
        about: Words that the data set gives for its items.
        dataset: The entry of `datasets`.
    """
    if not _VIDEOS.search(prompt.system + prompt.user):
        return
    if about is not None:
        is_watched = bool(_WATCHED.search(f"{about['items']} {about['verb']}"))
    else:
        paths = f"{dataset.get('pairs')} {dataset.get('page', '')}".lower()
        is_watched = "synthetic" in dataset or "microlens" in paths
    if not is_watched:
        log.warning(
            "prompt '%s' speaks of videos and viewers, which this data set may not be about: "
            "choose another one, such as `items`, and say what the items are by "
            "`about: {items: …, verb: …}` of the data set",
            name,
        )
