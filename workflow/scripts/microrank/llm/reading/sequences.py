"""A line of an answer that holds only candidates, one after the other, as rows."""

import re

from microrank.llm.reading.rows import Column, Role, Row, row_of_line
from microrank.llm.reading.shown import TOKEN_START, Shown

KIND = (
    r"(?:(?:the\s+)?(?:video|candidate|item|id|number|movie|film|option|no\.?)s?\s*"
    r"(?:id\s*)?[#:]?\s*)?"
)
_MARKS = r"[\[(\"'`#*]{0,3}"
# Each item and each separator can be matched in one way only, (?>...): else a sequence with a wrong
# end would be tried in 2^n ways.
_ITEM = rf"(?>{_MARKS}{KIND}{_MARKS}\d{{1,19}}(?![\w%/]|\.\d)[\])\"'`*]{{0,3}})"
_SEPARATOR = (
    r"(?>\s*(?:,\s*(?:and\s+)?(?:then\s+)?|;|>+|→|➔|➜|⇒|->|=>|\||&|\band then\b|\bthen\b|\band\b|"
    r"\bfollowed by\b)\s*|\s+)"
)
_SEQUENCE = re.compile(rf"{_ITEM}(?:{_SEPARATOR}{_ITEM})*", re.IGNORECASE)
_INNER_SEQUENCE = re.compile(
    rf"(?<![\w.]){_ITEM}(?:(?>\s*(?:,\s*(?:and\s+)?|;|>|→|->|\band\b)\s*){_ITEM}){{2,}}",
    re.IGNORECASE,
)
_DASHED = re.compile(r"\d{1,19}(?:\s*[-–—]\s*\d{1,19}){3,}")
_NUMBER = re.compile(r"(?<!\d)\d{1,19}")
_ELLIPSIS = re.compile(r"\s*[,>;→]?\s*(?:\.\.\.|…).*", re.DOTALL)
_PREFIX = re.compile(
    r"^[^:\n]*[A-Za-z][^:\n]*:\s*(?=[\[(\"'`#*]*(?:video |candidate |item |id )?[\[(#]?\d)", re.I
)
_STRONG = re.compile(r"\s*(?:>+|→|➔|➜|⇒|->|=>)\s*")
_WEAK = re.compile(r"\s*[,;]\s*(?:and\s+|then\s+)*")


def sequence_of(text: str) -> list[Row] | None:
    """The rows of a line that holds only candidates' names, after a label perhaps."""
    text = _without_label(text) if ":" in text else text
    text = _ELLIPSIS.sub("", text).strip().strip("[](){}\"'`*").rstrip(".,;>→ ").lstrip(",;> ")
    if not text or (not _SEQUENCE.fullmatch(text) and not _DASHED.fullmatch(text)):
        return None
    styles = {_NUMBER.sub("", item) for item in text.split()} if "," not in text else set()
    return _numbers(text) if len(styles - {">", "→", "->", "and", "then", ";"}) <= 1 else None


def is_labelled_list(line: str) -> bool:
    """Whether words and a colon stand before the numbers of a line."""
    return bool(_PREFIX.match(line))


def _without_label(text: str) -> str:
    """A line without its label; `[7] a title (rank: 3)` has none."""
    label = _PREFIX.match(text)
    if label is None or TOKEN_START in label.group():
        return text
    rest = text[label.end() :]
    is_of_a_name = bool(re.search(r"\d", label.group())) and len(_NUMBER.findall(rest)) == 1
    return text if is_of_a_name else rest


def _numbers(text: str) -> list[Row]:
    column = Column(Role.UNKNOWN, "value")
    return [Row({column: int(number)}) for number in _NUMBER.findall(text)]


def inner_sequence(line: str) -> list[Row] | None:
    """The rows of at least three names that follow each other somewhere in a line."""
    inner = _INNER_SEQUENCE.search(line)
    return _numbers(inner.group()) if inner else None


def titled_parts(text: str, shown: Shown) -> list[Row] | None:
    """The rows of a line such as `a title > another > a third` or `7 (a title), 3 (another)`."""
    after_label = re.sub(r"^[^:\ue000]*[A-Za-z][^:\ue000]*:\s+", "", text)
    for separator in (_STRONG, _WEAK):
        parts = [part for part in separator.split(after_label) if part]
        if separator is _WEAK and TOKEN_START not in text:
            return None
        if len(parts) < 2:
            continue
        rows = [row_of_line(part) for part in parts]
        if all(_names_something(row, shown) for row in rows):
            return rows
    return None


def _names_something(row: Row, shown: Shown) -> bool:
    if row.text:
        return shown.group_of(row.text) is not None
    return bool(row.numbers)
