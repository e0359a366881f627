"""JSON in a text, also where it is cut or not quite JSON."""

import ast
import json
import math
import re
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

from microrank.llm.reading.rows import Role, role_of_name

MAX_TRIES = 50  # places at which JSON may begin
MAX_LENGTH = 20_000  # characters in which the end of what is not quite JSON is looked for
MAX_NESTING = 30  # of brackets in what is not quite JSON
_OPENING = re.compile(r"[\[{]")
_BETWEEN = re.compile(r"[\s,;*•-]*(?:\d{1,3}[.)])?\s*")
_TRAILING_COMMA = re.compile(r",(?=\s*[\]}])")
_COMMENT = re.compile(r"//[^\n\"]*$|/\*.*?\*/", re.MULTILINE | re.DOTALL)
_TITLES = re.compile(r"title|name", re.I)


def _bounded(digits: str) -> float:
    """A whole number; one that is far too long for any name is infinite."""
    return int(digits) if len(digits) <= 20 else math.inf


_DECODER = json.JSONDecoder(strict=False, parse_int=_bounded)


class Found(NamedTuple):
    """A JSON value in a text: from `start` to `end`; `is_cut` where it was never closed."""

    start: int
    end: int
    value: Any
    is_cut: bool


def json_values(text: str) -> list[Found]:
    """The values in a text that may be lists of candidates, in order."""
    return _joined(list(_values(text)), text)


def _values(text: str) -> Iterator[Found]:
    place = 0
    for _ in range(MAX_TRIES):
        opening = _OPENING.search(text, place)
        if opening is None:
            return
        found = _value_at(text, opening.start())
        place = opening.end() if found is None else found.end
        if found is not None:
            yield found


def _value_at(text: str, start: int) -> Found | None:
    try:
        value, end = _DECODER.raw_decode(text, start)
        return Found(start, end, value, False) if _is_list_like(value) else None
    except (ValueError, RecursionError):
        pass
    end, closers, last_whole = _extent(text, start)
    if not closers:
        value = _lenient(text[start:end])
        return Found(start, end, value, False) if _is_list_like(value) else None
    if last_whole <= start or end < len(text):
        return None
    value = _lenient(text[start:last_whole] + closers)
    return Found(start, len(text), value, True) if _is_list_like(value) else None


def _is_list_like(value: Any) -> bool:
    """Whether a value may be a list of candidates; `[7]` is how a prompt shows one of them."""
    if isinstance(value, dict):
        return bool(value)
    return isinstance(value, list) and (
        len(value) > 1 or (len(value) == 1 and isinstance(value[0], (dict, list)))
    )


def _extent(text: str, start: int) -> tuple[int, str, int]:
    """Where the value that begins at `start` ends.

    Returns:
        The end; what would close the value there ("" where it is closed); and the end of the last
        whole element inside it.
    """
    stack: list[str] = []
    in_string, last_whole = False, start
    quote = ""
    place = start
    end = min(len(text), start + MAX_LENGTH)
    while place < end:
        character = text[place]
        if in_string:
            if character == "\\":
                place += 1
            elif character == quote:
                in_string = False
        elif character == '"':
            in_string, quote = True, character
        elif character in "[{":
            if len(stack) > MAX_NESTING:
                return start, "", start
            stack.append("]" if character == "[" else "}")
        elif character in "]}":
            if not stack or stack.pop() != character:
                return start, "", start
            last_whole = place + 1
            closers_at_last = "".join(reversed(stack))
            if not stack:
                return place + 1, "", place + 1
        elif character == ",":
            last_whole = place
            closers_at_last = "".join(reversed(stack))
        place += 1
    if last_whole == start:
        return place, "".join(reversed(stack)) or "]", start
    return place, closers_at_last, last_whole


def _lenient(text: str) -> Any:
    """What is JSON but for a trailing comma, a comment or Python's quotes; None of others."""
    text = _TRAILING_COMMA.sub("", text)
    for form in (text, _TRAILING_COMMA.sub("", _COMMENT.sub("", text))):
        try:
            return _DECODER.decode(form)
        except (ValueError, RecursionError):
            pass
    return _python_value(text)


def _python_value(text: str) -> Any:
    """The value that a text is in Python; None of others, and where Python would warn of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError, Warning):
            return None
    return _with_lists(value)


def _with_lists(value: Any) -> Any:
    """The value with each tuple as a list."""
    if isinstance(value, (tuple, list)):
        return [_with_lists(inner) for inner in value]
    return value


def _joined(found: list[Found], text: str) -> list[Found]:
    """Objects of the same kind, one after the other, as one list."""
    joined: list[Found] = []
    for value in found:
        before = joined[-1] if joined else None
        if (
            before is not None
            and isinstance(value.value, dict)
            and _same_kind(before.value, value.value)
            and _BETWEEN.fullmatch(text[before.end : value.start])
        ):
            earlier = before.value if isinstance(before.value, list) else [before.value]
            joined[-1] = Found(
                before.start, value.end, [*earlier, value.value], before.is_cut or value.is_cut
            )
        else:
            joined.append(value)
    return joined


def _same_kind(before: Any, value: dict[str, Any]) -> bool:
    first = before[0] if isinstance(before, list) and before else before
    return isinstance(first, dict) and first.keys() == value.keys() and is_entry(value)


def is_entry(value: dict[str, Any]) -> bool:
    """Whether an object describes one candidate."""
    scalars = {key: one for key, one in value.items() if not isinstance(one, (list, dict))}
    return any(
        role_of_name(key) is Role.CANDIDATE or _TITLES.search(key) for key in map(str, scalars)
    )
