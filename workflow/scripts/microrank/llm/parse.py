"""From a model's free text to a permutation of the candidates.

It never learns which candidate is the right one.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

MAX_LENGTH = 200_000  # characters of an answer that are read
MAX_JSON_TRIES = 50  # places at which JSON may begin
T = TypeVar("T")
_NUMBER = re.compile(r"(?<![\w.])-?\d{1,19}(?!\w|\.\d)")
_LINE_NUMBER = re.compile(r"^\s*(\d{1,4})\s*[.):]\s+(?=\S)")
_LABEL = re.compile(r"^\s*[-*]?\s*(?:\[(\d{1,19})\]|#?(\d{1,19})\s?[.):–-])(?=.*[A-Za-z])")
_LEAD = re.compile(r"^\s*[A-Za-z*#][^:]*:\s*(?=[\[#(]?\d)")
_OPENING = re.compile(r"[\[{]")
_FENCE = re.compile(r"```[A-Za-z]*\n?")


@dataclass(frozen=True)
class Parsed:
    """An answer as it was read.

    Attributes:
        positions: [n] Positions among the candidates, best first.
        from_model: How many of these the answer named; the rest is fallback.
        repairs: Kind -> count; `thinking`, `fence`, `prose`, `numbers_for_ids`, `ids_for_numbers`,
            `list_numbers`, `foreign`, `duplicate`, `missing`, `empty`, `cut`.
        scores: [n] Of an answer that scores candidates: each one's score, None where it has none.
    """

    positions: list[int]
    from_model: int
    repairs: Counter[str] = field(default_factory=Counter)
    scores: tuple[float | None, ...] | None = None


def parse_answer(
    text: str | None, answer_format: str, candidate_ids: Sequence[int], order: Sequence[int]
) -> Parsed:
    """Read an answer: numbers of candidates, whatever surrounds them.

    Numbers that are no candidate's and repeated ones are dropped. Candidates that are not named
    follow in the recommender's order.

    Args:
        text: The answer.
        answer_format: `ids` or `numbers`, how the prompt asked for candidates. A model that uses
            the other way is understood where no number of its answer fits the way asked for.
        candidate_ids: In the recommender's order.
        order: Positions among them as shown; candidate number i is `order[i - 1]`.
    """
    repairs: Counter[str] = Counter()
    numbers = _numbers((text or "")[:MAX_LENGTH], repairs)
    by_id = {int(item): position for position, item in enumerate(candidate_ids)}
    by_number = {number: int(position) for number, position in enumerate(order, start=1)}
    known, other = (by_id, by_number) if answer_format == "ids" else (by_number, by_id)
    if (
        numbers
        and not any(number in known for number in numbers)
        and any(number in other for number in numbers)
    ):
        repairs["numbers_for_ids" if answer_format == "ids" else "ids_for_numbers"] += 1
        known = other
    positions, missing = said_of_candidates(
        [(number, None) for number in numbers], known, len(candidate_ids), repairs
    )
    return Parsed([*positions, *missing], len(positions), +repairs)


def said_of_candidates(
    said: Sequence[tuple[int, T]], known: Mapping[int, int], n: int, repairs: Counter[str]
) -> tuple[dict[int, T], list[int]]:
    """What an answer says of each candidate.

    Args:
        said: Names, each with what is said of it.
        known: Name -> position.
        n: How many candidates there are.
        repairs: `foreign`, `duplicate`, `missing` and `empty` are counted here.

    Returns:
        Position -> what is said of it first; and the positions of which nothing is said.
    """
    found: dict[int, T] = {}
    for name, value in said:
        position = known.get(name)
        if position is None:
            repairs["foreign"] += 1
        elif position in found:
            repairs["duplicate"] += 1
        else:
            found[position] = value
    missing = [position for position in range(n) if position not in found]
    if not said:
        repairs["empty"] += 1
    elif missing:
        repairs["missing"] += len(missing)
    return found, missing


def _numbers(text: str, repairs: Counter[str]) -> list[int]:
    """The numbers of the answer proper, in order."""
    text = without_fences(without_thinking(text, repairs), repairs)
    found = from_json(text, repairs, _list_in)
    if found is not None:
        return found
    if "{" in text and "}" not in text:
        repairs["cut"] += 1
    return _from_lines(text, repairs)


def without_fences(text: str, repairs: Counter[str]) -> str:
    """The text without the marks of code blocks."""
    if "```" not in text:
        return text
    repairs["fence"] += 1
    return _FENCE.sub("\n", text)


def without_thinking(text: str, repairs: Counter[str]) -> str:
    """What follows the last closed thinking block.

    Of a block that never closes, nothing is an answer.
    """
    for opening, closing in (
        ("<think>", "</think>"),
        ("<thinking>", "</thinking>"),
        ("<reasoning>", "</reasoning>"),
    ):
        _, tag, tail = text.rpartition(closing)
        if tag:
            repairs["thinking"] += 1
            text = tail
        elif opening in text:
            repairs["thinking"] += 1
            text = text.partition(opening)[0]
    return text


def from_json(
    text: str, repairs: Counter[str], read: Callable[[object], list[T] | None]
) -> list[T] | None:
    """What `read` finds in the JSON in the text, None where it finds nothing.

    What stands in an object is preferred to a bare list, then the longer one to the shorter.
    """
    found: list[tuple[bool, int, list[T]]] = []
    decoder, place, tries = json.JSONDecoder(), 0, 0
    outside = ""
    while (opening := _OPENING.search(text, place)) and tries < MAX_JSON_TRIES:
        tries += 1
        end = opening.end()
        try:
            value, end = decoder.raw_decode(text, opening.start())
            numbers = read(value)
            if numbers is not None:
                found.append((isinstance(value, dict), len(numbers), numbers))
        except (json.JSONDecodeError, RecursionError, ValueError):
            pass
        outside += text[place : opening.start()]
        place = end
    if not found:
        return None
    if (outside + text[place:]).strip():
        repairs["prose"] += 1
    return max(found, key=lambda one: one[:2])[2]


def _list_in(value: object) -> list[int] | None:
    """The numbers of an array that has at least two.

    Of an object, those of the longest such array among its values.
    """
    if isinstance(value, dict):
        lists = [
            numbers
            for one in value.values()
            if isinstance(one, list) and (numbers := _list_in(one)) is not None
        ]
        return max(lists, key=len, default=None)
    if not isinstance(value, list) or not value:
        return None
    numbers = [number for one in value if (number := as_number(one)) is not None]
    return numbers if len(numbers) > 1 else None


def as_number(value: object) -> int | None:
    """The whole number that a JSON value is, or that names an object; None of others."""
    if isinstance(value, dict):
        inner = [
            number
            for key in ("id", "number", "item_id", "candidate")
            if (number := as_number(value.get(key))) is not None
        ]
        return inner[0] if inner else None
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, str):
        digits = _NUMBER.search(value[:200])
        return int(digits.group()) if digits else None
    return int(value) if isinstance(value, int) or value.is_integer() else None


def _from_lines(text: str, repairs: Counter[str]) -> list[int]:
    """The numbers of plain text, without those that only introduce or decorate a choice.

    A list numbered 1., 2., 3. … whose lines hold further numbers is read without its own numbering.
    Of lines such as `[7] a title`, the label counts alone. Of `the 20 best in order: 3, 1`, only
    what follows the colon counts.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    numbering = [
        int(found.group(1)) if (found := _LINE_NUMBER.match(line)) else None for line in lines
    ]
    listed = [
        (number, line) for number, line in zip(numbering, lines, strict=True) if number is not None
    ]
    rests = [_NUMBER.findall(_LINE_NUMBER.sub("", line)) for _, line in listed]
    if (
        len(listed) > 1
        and [number for number, _ in listed] == list(range(1, len(listed) + 1))
        and all(rests)
    ):
        repairs["list_numbers"] += 1
        return [int(rest[0]) for rest in rests]
    if re.search(r"[A-Za-z]{2,}", text):
        repairs["prose"] += 1
        labels = [found for line in lines if (found := _LABEL.match(line))]
        if len(labels) > 1:
            return [int(next(filter(None, label.groups()))) for label in labels]
        lines = [_LEAD.sub("", line) for line in lines if not line.rstrip().endswith(":")]
    numbers = [int(number) for line in lines for number in _NUMBER.findall(line.replace(",", ", "))]
    if not numbers:
        del repairs["prose"]
    return numbers
