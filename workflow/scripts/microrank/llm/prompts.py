"""Prompts as data: YAML files with placeholders, filled with titles that nobody vouches for."""

import re
import string
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from microrank.errors import StudyError
from microrank.seeds import generator

TITLE_LENGTH = 300  # characters of a title that are shown
NO_TITLE = "(no title)"
ANSWER_FORMATS = ("ids", "numbers", "scores")
PLACEHOLDERS = {
    "system": set[str](),
    "user": {"history", "earlier", "newest", "candidates", "ids", "n"},
    "history_line": {"number", "title"},
    "candidate_line": {"number", "id", "rank", "title"},
}
NEEDED = {"user": {"candidates"}, "history_line": {"title"}, "candidate_line": {"title"}}


@dataclass(frozen=True)
class Prompt:
    """A prompt file. `answer_format` says whether the model is to name candidates by their ids or by their numbers 1…n as shown, best first, or to
    give each of these numbers a score."""

    answer_format: str
    system: str
    user: str
    history_line: str
    candidate_line: str
    json: bool = False


def load_prompt(path: str | Path) -> Prompt:
    """Read and check a prompt file.

    Raises:
        StudyError: names the file and the key or placeholder that is missing, unknown or of the wrong kind.
    """
    try:
        section = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StudyError(
            f"{path}: no such prompt; place it there, or name another one in config.yaml"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise StudyError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from None
    if not isinstance(section, dict):
        raise StudyError(f"{path}: a prompt is a mapping of keys to texts; see config/README.md")
    section = {key: value for key, value in section.items() if key not in ("version", "about")}
    known = {field.name: field.type for field in fields(Prompt)}
    if wrong := sorted(str(key) for key in set(section) ^ set(known) if key != "json"):
        raise StudyError(
            f"{path}: key '{wrong[0]}' is {'missing' if wrong[0] in known else 'unknown'}; known: {', '.join(sorted(known))}"
        )
    for key, value in section.items():
        if not isinstance(value, bool if key == "json" else str):
            raise StudyError(
                f"{path}: {key} must be {'true or false' if key == 'json' else 'a text'}"
            )
    if section["answer_format"] not in ANSWER_FORMATS:
        raise StudyError(
            f"{path}: answer_format is '{section['answer_format']}'; it must be one of: {', '.join(ANSWER_FORMATS)}"
        )
    for key, allowed in PLACEHOLDERS.items():
        _check_placeholders(path, key, section[key], allowed)
    return Prompt(**section)


def _check_placeholders(path: str | Path, key: str, text: str, allowed: set[str]) -> None:
    try:
        found = [
            (name, spec, conversion)
            for _, name, spec, conversion in string.Formatter().parse(text)
            if name is not None
        ]
    except ValueError as error:
        raise StudyError(
            f"{path}: {key}: {error}; write {{{{ and }}}} for a brace that is meant as such"
        ) from None
    for name, spec, conversion in found:
        if name not in allowed or spec or conversion:
            known = ", ".join(f"{{{one}}}" for one in sorted(allowed)) or "none"
            raise StudyError(
                f"{path}: {key}: unknown placeholder {{{name}}}; known here: {known}; write {{{{ for a brace"
            )
    used = {name for name, _, _ in found}
    if key == "user" and not used >= {"earlier", "newest"} and "history" not in used:
        raise StudyError(
            f"{path}: {key}: the placeholder {{history}} is missing, or both {{earlier}} and {{newest}}"
        )
    if missing := sorted(NEEDED.get(key, set()) - used):
        raise StudyError(f"{path}: {key}: the placeholder {{{missing[0]}}} is missing")


def build_messages(
    prompt: Prompt,
    history_titles: Sequence[str],
    candidate_titles: Sequence[str],
    candidate_ids: Sequence[int],
    order: Sequence[int],
) -> list[dict[str, str]]:
    """The chat messages of one question.

    Args:
        history_titles: oldest first; {history} shows all of them, {earlier} all but the {newest}.
        candidate_titles, candidate_ids: in the recommender's order.
        order: positions among the candidates in the order in which they are shown; a candidate's number is its place in it, from 1,
            and its {rank} the recommender's, wherever it is shown.
    """
    history = [
        prompt.history_line.format(number=number, title=shown_title(title))
        for number, title in enumerate(history_titles, start=1)
    ]
    candidates = [
        prompt.candidate_line.format(
            number=number,
            id=candidate_ids[position],
            rank=position + 1,
            title=shown_title(candidate_titles[position]),
        )
        for number, position in enumerate(order, start=1)
    ]
    ids = ", ".join(str(candidate_ids[position]) for position in order)
    user = prompt.user.format(
        history="\n".join(history),
        earlier="\n".join(history[:-1]),
        newest=shown_title(history_titles[-1] if history_titles else ""),
        candidates="\n".join(candidates),
        ids=ids,
        n=len(order),
    )
    return [
        {"role": "system", "content": prompt.system.strip()},
        {"role": "user", "content": user.strip()},
    ]


def response_schema(prompt: Prompt, n: int) -> dict[str, Any] | None:
    """The JSON schema of an answer to a prompt that wants JSON, None for others."""
    if not prompt.json:
        return None
    if prompt.answer_format == "scores":
        names = [str(number) for number in range(1, n + 1)]
        score = {"type": "integer", "minimum": 0, "maximum": 10}
        of_each = {
            "type": "object",
            "properties": dict.fromkeys(names, score),
            "required": names,
            "additionalProperties": False,
        }
        return {
            "type": "object",
            "properties": {"scores": of_each},
            "required": ["scores"],
            "additionalProperties": False,
        }
    numbers = {"type": "array", "items": {"type": "integer"}, "minItems": n, "maxItems": n}
    return {
        "type": "object",
        "properties": {"ranking": numbers},
        "required": ["ranking"],
        "additionalProperties": False,
    }


def shown_order(seed: int, user_id: int, pass_number: int, shuffle: bool, n: int) -> np.ndarray:
    """Positions among n candidates in the order shown: the recommender's in pass 0, unless `shuffle`; else a shuffle of its own."""
    if pass_number == 0 and not shuffle:
        return np.arange(n)
    return generator(seed, f"shown order of user {user_id}, pass {pass_number}").permutation(n)


def shown_title(title: str) -> str:
    """A title as one line of bounded length without control characters, so that it cannot pose as a part of the prompt."""
    visible = "".join(
        " " if unicodedata.category(character) in ("Cc", "Zl", "Zp", "Cs") else character
        for character in title
    )
    line = " ".join(visible.replace("```", "'''").split())
    return line[: TITLE_LENGTH - 1] + "…" if len(line) > TITLE_LENGTH else line or NO_TITLE


_INSTRUCTION = re.compile(
    r"\b(ignore|disregard|forget)\b.{0,40}\b(above|previous|prior|instructions?|rules?)\b"
    r"|\b(system|assistant|user)\s*:|\banswer\s+(only\s+)?(with\s+)?[\[\d]|\brank\b.{0,30}\bfirst\b|</?(system|instructions?|think)>",
    re.IGNORECASE,
)


def looks_like_instructions(title: str) -> bool:
    """Whether a title reads like an order to the model; such titles are shown as they are, and counted for the report."""
    return bool(_INSTRUCTION.search(title[:2000]))
