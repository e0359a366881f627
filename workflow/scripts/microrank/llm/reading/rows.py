"""Rows of a list in an answer: the numbers in them, each under the column that it belongs to."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class Role(Enum):
    """What the answer itself says that a number is."""

    PLACE = "place"  # rank 1, 1st, "place": 1
    LIST_MARK = "list mark"  # 1. or 1)
    CANDIDATE = "candidate"  # [7], video 7, "id": 7
    SCORE = "score"  # 8/10, 80 %, "score": 8
    OTHER = "other"  # a year, a duration, a count
    UNKNOWN = "unknown"


class Column(NamedTuple):
    """A number's column: its role, and a name that tells columns of the same role apart."""

    role: Role
    name: str


@dataclass(frozen=True)
class Row:
    """One entry of a list.

    Attributes:
        numbers: Column -> number. A number of role SCORE is on the scale from 0 to 10 where the
            row gives its unit.
        text: What is left beside the numbers; it may be a title.
    """

    numbers: Mapping[Column, float]
    text: str = ""


@dataclass(frozen=True)
class Block:
    """A list in an answer.

    Attributes:
        rows: Its entries as written.
        start: Where it stands in the text; later blocks have larger starts.
        kind: `json`, `map`, `table`, `list`, `sequence` or `prose`.
        heading: The text just before it.
        preferred: Whether the answer names it the ranking, or the scores.
        end: Where it ends.
    """

    rows: tuple[Row, ...]
    start: int
    kind: str
    heading: str = ""
    preferred: bool = False
    end: int = 0


_PLACES = frozenset(
    ("rank", "ranking", "place", "position", "pos", "spot", "order", "placement", "priority", "#")
)
_CANDIDATES = frozenset(
    ("id", "number", "candidate", "video", "item", "movie", "film", "clip", "option", "choice")
)
_SCORES = frozenset(
    (
        *("score", "relevance", "rating", "likelihood", "probability", "confidence", "point"),
        *("similarity", "percent", "percentage", "match", "grade", "weight"),
    )
)
_OTHERS = frozenset(
    (
        *("year", "duration", "view", "like", "minute", "second", "length", "count", "age"),
        *("vote", "date", "watched", "total", "index", "title", "name", "description", "titel"),
        *("reason", "explanation", "why", "rationale"),
    )
)
_WORDS = re.compile(r"[a-z]+|#")


def role_of_name(name: str) -> Role | None:
    """What a key or a heading of a column says of its numbers; None where it says nothing."""
    words = _WORDS.findall(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())
    if not words or re.search(r"\d", name):
        return None
    for role, known in (
        (Role.SCORE, _SCORES),
        (Role.OTHER, _OTHERS),
        (Role.PLACE, _PLACES),
        (Role.CANDIDATE, _CANDIDATES),
    ):
        if known & {*words, *(word.removesuffix("s") for word in words)}:
            return role
    return None


NUMBER = r"(?<![\w.])\d{1,19}(?!\w|\.\d)"
_DECIMAL = r"-?\d{1,7}(?:\.\d+)?"
_LABELLED = re.compile(
    r"\b(?P<label>(?:[a-z]+[ _])?(?:ids?|numbers?|candidates?|videos?|items?|movies?|films?|clips?|"
    r"options?|rank(?:ed|ing)?|place|position|pos|spot|score|relevance|rating|likelihood|"
    r"probability|confidence|year|duration|views|likes|points))"
    r"\W{0,4}?(?:is|at|of|no\.?)?\W{0,3}(?P<number>-?\d{1,19}(?:\.\d+)?)(?!\w|\.\d)"
    r"(?P<unit>\s*(?:/\s*\d+|out of \d+|%))?",
    re.IGNORECASE,
)
_UNIT = re.compile(
    rf"(?<![\w.])(?P<number>{_DECIMAL})\s*"
    r"(?:/\s*(?P<of>\d{1,3})(?!\d)|out of (?P<out_of>\d{1,3})|(?P<percent>%|percent\b))",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    rf"(?<![\w.]){_DECIMAL}[ -]?(?:points?|stars?|minutes?|mins?|seconds?|secs?|hours?|hrs?|"
    r"h|m|s|k|views?|likes?|years?|times|episodes?|percent|x)\b",
    re.IGNORECASE,
)
_BRACKET = re.compile(r"\[\s*#?(\d{1,19})\s*\]")
_ORDINAL = re.compile(
    r"^[^\w\ue000]*(\d{1,4})\s*(?:st|nd|rd|th)\b(?:\s+(?:place|choice|pick|rank))?[^\w\ue000\[]*",
    re.I,
)
_ORDINAL_WORDS = (
    *("first", "second", "third", "fourth", "fifth", "sixth"),
    *("seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth"),
)
_ORDINAL_WORD = re.compile(
    rf"^[^\w\ue000]*({'|'.join(_ORDINAL_WORDS)})(?:\s+(?:place|choice|pick|rank))?"
    r"\s*[:.–—-][^\w\ue000\[]*",
    re.IGNORECASE,
)
_PLACE_LEAD = re.compile(
    r"^[^\w\ue000]*(?:rank|place|position|pos\.?|spot|top|no\.|number|nr\.?|"
    r"platz|rang|lugar|puesto|№|第)\s*[#_]?\s*(\d{1,4})\s*"
    r"(?:[名位]?\s*[:.)=–—>-]|is\b)[^\w\ue000\[]{0,3}",
    re.IGNORECASE,
)
_LIST_MARK = re.compile(
    r"^[\s*_>(]*(\d{1,19})\s*(?:[.)]|\)\.)[*_]*(?:\s+(?=\S)|(?=[\[\"'“A-Za-z\ue000]))"
)
_HASH_MARK = re.compile(r"^[\s*_>(]*#\s?(\d{1,4})(?!\w)\s*[:.)–—-]?\s*(?=[^\s,;>→|])")
_START = re.compile(r"^[\s*_`\"'(#]*(\d{1,19})(?!\w|\.\d)[\s*_`\"')]*(?P<sign>[:=–—>→|-]+)?")
_END = re.compile(r"(?<![\w.])(-?\d{1,19}(?:\.\d+)?)[\s*_`\"').,;\]]*$")
_VALUE = re.compile(rf"^\W*?(?P<number>{_DECIMAL})(?![\w.]|/)")
_LEAD_DECORATION = re.compile(r"^\s*(?:(?:[-*+•·–—▪►]|#{1,6})\s+)+")


def row_of_line(line: str) -> Row:
    """A row of a list as plain text, such as `1. [7] a title – 8/10`."""
    numbers: dict[Column, float] = {}
    text = _LEAD_DECORATION.sub("", line[:2000].replace("**", "").replace("__", ""))
    text = _take_lead(text, numbers)
    text = _take_units(text, numbers)
    text = _take_labels(text, numbers)
    text = _take_brackets(text, numbers)
    text = _COUNTED.sub(" ", text)
    text = _take_start(text, numbers)
    text = _take_end(text, numbers)
    return Row(numbers, text.strip(" \t-–—:;,.|*_\"'`()[]{}<>=→#/"))


def _put(numbers: dict[Column, float], role: Role, name: str, number: str) -> None:
    """The number under this column, or under the next one where the row has it already."""
    column, count = Column(role, name), 1
    while column in numbers:
        count += 1
        column = Column(role, f"{name} {count}")
    numbers[column] = float(number) if "." in number else int(number)


def _take_lead(text: str, numbers: dict[Column, float]) -> str:
    for pattern, role in (
        (_ORDINAL, Role.PLACE),
        (_PLACE_LEAD, Role.PLACE),
        (_LIST_MARK, Role.LIST_MARK),
        (_HASH_MARK, Role.LIST_MARK),
    ):
        if lead := pattern.match(text):
            _put(numbers, role, "lead", lead[1])
            return text[lead.end() :]
    if word := _ORDINAL_WORD.match(text):
        _put(numbers, Role.PLACE, "lead", str(_ORDINAL_WORDS.index(word[1].lower()) + 1))
        return text[word.end() :]
    return text


def _take_units(text: str, numbers: dict[Column, float]) -> str:
    def take(found: "re.Match[str]") -> str:
        whole = float(found["of"] or found["out_of"] or 100)
        if whole:
            _put(numbers, Role.SCORE, "unit", str(float(found["number"]) * 10 / whole))
        return " "

    return _UNIT.sub(take, text)


def _take_labels(text: str, numbers: dict[Column, float]) -> str:
    def take(found: "re.Match[str]") -> str:
        role = role_of_name(found["label"]) or Role.UNKNOWN
        if role is not Role.OTHER:
            _put(numbers, role, found["label"].lower().rstrip("s"), found["number"])
        return " "

    return _LABELLED.sub(take, text)


def _take_brackets(text: str, numbers: dict[Column, float]) -> str:
    def take(found: "re.Match[str]") -> str:
        _put(numbers, Role.CANDIDATE, "bracket", found[1])
        return " " if found.start() else ""

    return _BRACKET.sub(take, text)


def _take_start(text: str, numbers: dict[Column, float]) -> str:
    start = _START.match(text)
    if start is None:
        value = _VALUE.match(text) if re.match(r"\s*[:=–—→-]", text) else None
        if value:
            _put(numbers, Role.UNKNOWN, "value", value["number"])
            return text[value.end() :]
        return text
    _put(numbers, Role.UNKNOWN, "start", start[1])
    rest = text[start.end() :]
    value = _VALUE.match(rest) if start["sign"] else None
    if value:
        _put(numbers, Role.UNKNOWN, "value", value["number"])
        return rest[value.end() :]
    return rest


def _take_end(text: str, numbers: dict[Column, float]) -> str:
    if end := _END.search(text):
        _put(numbers, Role.UNKNOWN, "end", end[1])
        return text[: end.start()]
    return text
