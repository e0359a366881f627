"""Prompts as data: YAML files, their placeholders filled with titles that nobody vouches for."""

import re
import string
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
LABELS = string.ascii_uppercase + string.ascii_lowercase  # of candidates 1, 2, … as shown
# Log-probabilities or scores are read, nothing is written.
READ_FORMATS = ("labels", "yes-no", "titles", "relevance")
UNLISTED_FORMATS = ("yes-no", "titles", "relevance")  # of these, those that show no list
ANSWER_FORMATS = ("ids", "numbers", "scores", *READ_FORMATS)
PLACEHOLDERS = {
    "system": {"items", "verb"},  # these two: see `with_about`
    "user": {"history", "earlier", "newest", "candidates", "ids", "n", "items", "verb"},
    "history_line": {"number", "title", "attributes"},
    "candidate_line": {"number", "label", "id", "rank", "title", "attributes"},
}
NEEDED = {"user": {"candidates"}, "history_line": {"title"}, "candidate_line": {"title"}}
UNKNOWN_ITEMS = {"items": "items", "verb": "chosen"}  # of a data set without `about`
NOT_ASKED = ("version", "about")  # keys for human readers
OLD_KEYS = {"answer": "answer_format"}  # old name -> today's


@dataclass(frozen=True)
class Prompt:
    """A prompt file.

    Attributes:
        answer_format: How the model is to answer: with the candidates' `ids`, best first; with
            their `numbers` 1…n as shown, best first; or with a score for each number (`scores`).
            Where log-probabilities are read, the answer is a candidate's letter (`labels`), yes or
            no to the one candidate that is shown (`yes-no`), or the next title (`titles`), which
            `candidate_line` shows and {candidates} does not. A cross-encoder scores how well a
            `candidate_line` suits the messages (`relevance`).
        system: The system message.
        user: The user's message, with placeholders.
        history_line: How {history} and {earlier} show one title.
        candidate_line: How {candidates} shows one candidate.
        json: Whether the answer is to be a JSON object.
    """

    answer_format: str
    system: str
    user: str
    history_line: str
    candidate_line: str
    json: bool = False


def load_prompt(path: str | Path) -> Prompt:
    """Read and check a prompt file.

    Raises:
        StudyError: A key or placeholder is missing, unknown or of the wrong kind.
    """
    section = {
        OLD_KEYS.get(key, key): value
        for key, value in _read_yaml(path).items()
        if key not in NOT_ASKED
    }
    _check_keys(path, section)
    for key, allowed in PLACEHOLDERS.items():
        _check_placeholders(f"{path}: {key}", section[key], allowed)
        used = {name for name, *_ in _placeholders(section[key])}
        _check_needed(f"{path}: {key}", key, used, section["answer_format"])
    return Prompt(**section)


def _read_yaml(path: str | Path) -> dict[Any, Any]:
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
    return section


def _check_keys(path: str | Path, section: dict[str, Any]) -> None:
    known = [field.name for field in fields(Prompt)]
    if wrong := sorted(str(key) for key in set(section) ^ set(known) if key != "json"):
        state = "missing" if wrong[0] in known else "unknown"
        raise StudyError(f"{path}: key '{wrong[0]}' is {state}; known: {', '.join(sorted(known))}")
    for key, value in section.items():
        if not isinstance(value, bool if key == "json" else str):
            kind = "true or false" if key == "json" else "a text"
            raise StudyError(f"{path}: {key} must be {kind}")
    if section["answer_format"] not in ANSWER_FORMATS:
        raise StudyError(
            f"{path}: answer_format is '{section['answer_format']}'; "
            f"it must be one of: {', '.join(ANSWER_FORMATS)}"
        )


def _placeholders(text: str) -> list[tuple[str, str | None, str | None]]:
    """Name, format and conversion of each placeholder."""
    return [
        (name, form, conversion)
        for _, name, form, conversion in string.Formatter().parse(text)
        if name is not None
    ]


def _check_placeholders(place: str, text: str, allowed: set[str]) -> None:
    try:
        used = _placeholders(text)
    except ValueError as error:
        raise StudyError(
            f"{place}: {error}; write {{{{ and }}}} for a brace that is meant as such"
        ) from None
    for name, form, conversion in used:
        if name not in allowed or form or conversion:
            known = ", ".join(f"{{{name}}}" for name in sorted(allowed)) or "none"
            raise StudyError(
                f"{place}: unknown placeholder {{{name}}}; known here: {known}; "
                "write {{ for a brace"
            )


def _check_needed(place: str, key: str, used: set[str], answer_format: str) -> None:
    if key == "user" and not used >= {"earlier", "newest"} and "history" not in used:
        raise StudyError(
            f"{place}: the placeholder {{history}} is missing, or both {{earlier}} and {{newest}}"
        )
    needed = NEEDED.get(key, set())
    if answer_format in ("titles", "relevance"):
        needed = needed - {"candidates"}
        _check_unlisted(place, key, used, answer_format)
    if missing := sorted(needed - used):
        raise StudyError(f"{place}: the placeholder {{{missing[0]}}} is missing")


def _check_unlisted(place: str, key: str, used: set[str], answer_format: str) -> None:
    of_lists = {"candidates", "ids", "n", "number", "label", "id", "rank"}
    if key == "candidate_line" and answer_format == "titles":
        of_lists.add("attributes")  # a title alone is read
    if listed := sorted(used & of_lists):
        raise StudyError(
            f"{place}: with answer_format {answer_format} no list is shown; remove {{{listed[0]}}}"
        )


def build_messages(
    prompt: Prompt,
    history_titles: Sequence[str],
    candidate_titles: Sequence[str],
    candidate_ids: Sequence[int] | Sequence[str],
    order: Sequence[int],
    *,
    attributes: tuple[Sequence[str], Sequence[str]] | None = None,
) -> list[dict[str, str]]:
    """The chat messages of one question.

    Args:
        prompt: The prompt to fill.
        history_titles: Oldest first; {history} shows all of them, {earlier} all but the {newest}.
        candidate_titles: In the recommender's order.
        candidate_ids: In the recommender's order.
        order: Positions among the candidates, in the order in which they are shown. A candidate's
            {number} is its place in this order, from 1. Its {rank} is always the recommender's.
        attributes: {attributes} of the history and of the candidates; none where absent.
    """
    of_history, of_candidates = attributes or (
        [""] * len(history_titles),
        [""] * len(candidate_titles),
    )
    history = [
        prompt.history_line.format(
            number=number, title=shown_title(title), attributes=_shown_attributes(text)
        )
        for number, (title, text) in enumerate(
            zip(history_titles, of_history, strict=True), start=1
        )
    ]
    candidates = [
        prompt.candidate_line.format(
            number=number,
            label=LABELS[number - 1 : number],
            id=candidate_ids[position],
            rank=position + 1,
            title=shown_title(candidate_titles[position]),
            attributes=_shown_attributes(of_candidates[position]),
        )
        for number, position in enumerate(order, start=1)
    ]
    if "{attributes}" in prompt.history_line + prompt.candidate_line:
        history = [line.rstrip() for line in history]
        candidates = [line.rstrip() for line in candidates]
    user = prompt.user.format(
        history="\n".join(history),
        earlier="\n".join(history[:-1]),
        newest=shown_title(history_titles[-1] if history_titles else ""),
        candidates="\n".join(candidates),
        ids=", ".join(str(candidate_ids[position]) for position in order),
        n=len(order),
        **UNKNOWN_ITEMS,
    )
    return [
        {"role": "system", "content": prompt.system.strip()},
        {"role": "user", "content": user.strip()},
    ]


def response_schema(prompt: Prompt, n: int, *, text_ids: bool = False) -> dict[str, Any] | None:
    """The JSON schema of an answer about n candidates; None if the prompt wants no JSON.

    Args:
        prompt: What is asked.
        n: Number of candidates.
        text_ids: Whether their ids are texts.
    """
    if not prompt.json:
        return None
    if prompt.answer_format == "scores":
        score = {"type": "integer", "minimum": 0, "maximum": 10}
        numbers = [str(number) for number in range(1, n + 1)]
        return _object({"scores": _object(dict.fromkeys(numbers, score))})
    kind = "string" if text_ids and prompt.answer_format == "ids" else "integer"
    ranking = {"type": "array", "items": {"type": kind}, "minItems": n, "maxItems": n}
    return _object({"ranking": ranking})


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    """The schema of an object that has all of these properties, and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def shown_order(seed: int, user_id: int, pass_number: int, shuffle: bool, n: int) -> np.ndarray:
    """[n] Positions among the candidates, in the order in which they are shown.

    This is the recommender's order in pass 0, unless `shuffle`. Every other pass has its own
    shuffle.
    """
    if pass_number == 0 and not shuffle:
        return np.arange(n)
    return generator(seed, f"shown order of user {user_id}, pass {pass_number}").permutation(n)


# Unicode's control characters, separators of lines and paragraphs, and halves of surrogates.
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def shown_title(title: str) -> str:
    """A title as one line of bounded length, without control characters.

    So it cannot pose as another part of the prompt.
    """
    visible = _INVISIBLE.sub(" ", title)
    line = " ".join(visible.replace("```", "'''").split())
    return line[: TITLE_LENGTH - 1] + "…" if len(line) > TITLE_LENGTH else line or NO_TITLE


def _shown_attributes(text: str) -> str:
    return f"({shown_title(text)})" if text else ""


_INSTRUCTION = re.compile(
    r"\b(ignore|disregard|forget)\b.{0,40}\b(above|previous|prior|instructions?|rules?)\b"
    r"|\b(system|assistant|user)\s*:|\banswer\s+(only\s+)?(with\s+)?[\[\d]"
    r"|\brank\b.{0,30}\bfirst\b|</?(system|instructions?|think)>",
    re.IGNORECASE,
)


def looks_like_instructions(title: str) -> bool:
    """Whether a title reads like an order to the model.

    Such titles are shown as they are, and counted for the report.
    """
    return bool(_INSTRUCTION.search(title[:2000]))
