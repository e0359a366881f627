"""The JSON in an answer as rows of lists."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from microrank.llm.reading.json_values import Found, is_entry, json_values
from microrank.llm.reading.rows import Block, Column, Role, Row, role_of_name, row_of_line

MAX_DEPTH = 8  # of objects in which a list is looked for
_WHOLE_NUMBER = re.compile(r"[\s\[(#]*(-?\d{1,19})[\s\])]*")
_PREFERRED = re.compile(r"rank|order|sort|answer|result|final|recommend|output|score|rating", re.I)
_REASONS = re.compile(r"reason|explan|why|rational|comment|note", re.I)
_TITLES = re.compile(r"title|name", re.I)
Mask = Callable[[str], str]


def json_blocks(text: str, mask: Mask) -> tuple[list[Block], str, bool]:
    """The lists in the JSON in a text.

    Args:
        text: The answer proper.
        mask: Replaces titles in a string by tokens.

    Returns:
        The lists; the text with the JSON blanked; and whether any of it was cut.
    """
    blocks, was_cut = [], False
    for found in json_values(text):
        made = list(_blocks(found.value, mask, found, depth=0))
        if made:
            blocks += made
            was_cut |= found.is_cut
            blank = re.sub(r"[^\n]", " ", text[found.start : found.end])
            text = text[: found.start] + blank + text[found.end :]
    return blocks, text, was_cut


def _blocks(
    value: Any, mask: Mask, found: Found, depth: int, name: str | None = None
) -> Iterator[Block]:
    if depth > MAX_DEPTH:
        return
    preferred = name is not None and bool(_PREFERRED.search(name))
    if isinstance(value, str) and preferred:
        masked = mask(value)
        numbers = re.findall(r"\d{1,19}", masked) if _is_sequence(masked) else []
        if numbers:
            rows = tuple(_single(int(number)) for number in numbers)
            yield Block(rows, found.start, "json", preferred=True, end=found.end)
        return
    if isinstance(value, list):
        yield from _list_blocks(value, mask, found, depth, name)
    elif isinstance(value, dict):
        entries = _map_rows(value, mask)
        if (arguments := _arguments_of(value)) is not None:
            yield from _blocks(arguments, mask, found, depth + 1, name)
        elif columns := _rows_of_columns(value):
            yield from _list_blocks(columns, mask, found, depth + 1, name)
        elif is_entry(value):
            yield Block((_row_of(value, mask),), found.start, "json", "", preferred, found.end)
        elif entries:
            yield Block(tuple(entries), found.start, "map", name or "", preferred, found.end)
        else:
            for key, inner in value.items():
                yield from _blocks(inner, mask, found, depth + 1, str(key))


def _arguments_of(value: dict[str, Any]) -> Any:
    """What a tool call hands over, be it JSON in a string; None of what is no tool call."""
    for key in ("arguments", "parameters"):
        inner = value.get(key)
        if "name" in value and isinstance(inner, str):
            inner = next((found.value for found in json_values(inner)), None)
        if "name" in value and isinstance(inner, (dict, list)):
            return inner
    return None


def _rows_of_columns(value: dict[str, Any]) -> list[dict[str, Any]]:
    """The entries of an object of columns such as `{"rank": [1, 2], "id": [7, 3]}`; [] of others.

    A column `ranking` or `order` beside candidates may be the answer itself: it is no column.
    """
    columns = {key: inner for key, inner in value.items() if role_of_name(str(key))}
    lengths = {len(inner) if isinstance(inner, list) else 0 for inner in columns.values()}
    if len(columns) < 2 or len(lengths) > 1 or max(lengths) < 2:
        return []
    rows = [
        dict(zip(columns, entries, strict=True)) for entries in zip(*columns.values(), strict=True)
    ]
    has_lists = any(isinstance(inner, (list, dict)) for row in rows for inner in row.values())
    return [] if has_lists or not all(map(is_entry, rows)) else rows


def _is_sequence(text: str) -> bool:
    return bool(re.fullmatch(r"[\s\d,;>|\[\]→()-]+", text)) and not re.search(r"-\d", text)


def _list_blocks(
    values: list[Any], mask: Mask, found: Found, depth: int, name: str | None
) -> Iterator[Block]:
    preferred = name is not None and bool(_PREFERRED.search(name))
    if len(values) == 1 and isinstance(values[0], list):
        yield from _blocks(values[0], mask, found, depth + 1, name)
        return
    if len(values) == 1 and isinstance(values[0], dict) and not is_entry(values[0]):
        yield from _blocks(values[0], mask, found, depth + 1, name)
        return
    if all(isinstance(one, dict) and len(one) == 1 and not is_entry(one) for one in values):
        merged = {key: inner for one in values for key, inner in one.items()}
        if len(merged) == len(values):
            entries = tuple(_map_rows(merged, mask))
            if entries:
                yield Block(entries, found.start, "map", name or "", preferred, found.end)
                return
    rows = tuple(_row_of(one, mask) for one in values)
    yield Block(rows, found.start, "json", name or "", preferred, found.end)


def _row_of(value: Any, mask: Mask) -> Row:
    """One entry of a JSON list."""
    if isinstance(value, dict):
        return _row_of_object(value, mask)
    if isinstance(value, list):
        return _row_of_object({f"item {place}": one for place, one in enumerate(value)}, mask, True)
    if isinstance(value, str):
        number = as_whole_number(value)
        return row_of_line(mask(value)) if number is None else _single(number)
    number = as_whole_number(value)
    return Row({}) if number is None else _single(number)


def _single(number: float) -> Row:
    return Row({Column(Role.UNKNOWN, "value"): number})


def _row_of_object(value: dict[str, Any], mask: Mask, is_plain: bool = False) -> Row:
    numbers: dict[Column, float] = {}
    titles, others = [], []
    for key, inner in value.items():
        role = Role.UNKNOWN if is_plain else role_of_name(str(key)) or Role.UNKNOWN
        number = as_number(inner) if role is not Role.SCORE else as_score(inner)
        if number is not None:
            numbers[Column(role, str(key))] = number
        elif isinstance(inner, str):
            if _TITLES.search(str(key)):
                titles.append(mask(inner))
            elif not _REASONS.search(str(key)):
                others.append(mask(inner))
            if role is Role.CANDIDATE or is_plain:
                numbers |= row_of_line(mask(inner)).numbers
        elif isinstance(inner, dict):
            nested = _row_of_object(inner, mask)
            numbers |= nested.numbers
            titles.append(nested.text)
    text = titles or (others if len(others) == 1 else [])
    return Row(numbers, " ".join(text).strip())


def _map_rows(value: dict[str, Any], mask: Mask) -> list[Row]:
    """The rows of an object whose keys name places or candidates; none of other objects."""
    keys = {key: _row_of_key(str(key), mask) for key in value}
    if not all(row.numbers or row.text.startswith("\ue000") for row in keys.values()):
        numeric = {key: row for key, row in keys.items() if row.numbers}
        if 2 * len(numeric) < len(keys):  # titles, one of which may be a number
            numeric = {}
        if len(numeric) < 2 and not _maps_titles(value, keys):
            return []
        keys = numeric or keys
    if any(isinstance(value[key], list) and _is_group(value[key]) for key in keys):
        return []
    return [_entry(row, value[key], mask) for key, row in keys.items()]


def _is_group(values: list[Any]) -> bool:
    """Whether a key's list holds several candidates, rather than a score and a reason."""
    return len(values) > 2 or all(as_whole_number(value) is not None for value in values)


def _maps_titles(value: dict[str, Any], keys: dict[str, Row]) -> bool:
    """Whether all keys are texts and all values numbers, as of titles and scores."""
    return len(keys) > 2 and all(as_score(inner) is not None for inner in value.values())


def _row_of_key(key: str, mask: Mask) -> Row:
    number = as_whole_number(key)
    if number is not None:
        return Row({Column(Role.UNKNOWN, "key"): number})
    row = row_of_line(mask(key))
    digits = re.fullmatch(r"(?i)\W*(rank|place|position|pos|top)[ _#-]*(\d{1,4})\W*", key)
    return Row({Column(Role.PLACE, "key"): int(digits[2])}) if digits else row


def _entry(row: Row, value: Any, mask: Mask) -> Row:
    """A key's row with what its value adds."""
    numbers = dict(row.numbers)
    if isinstance(value, (dict, list)):
        inner = _row_of(value, mask)
        return Row(numbers | dict(inner.numbers), row.text or inner.text)
    number = as_score(value)
    if number is not None:
        numbers[Column(Role.UNKNOWN, "value")] = number
        return Row(numbers, row.text)
    if isinstance(value, str):
        inner = row_of_line(mask(value))
        return Row(numbers | dict(inner.numbers), row.text or inner.text)
    return Row(numbers, row.text)


def as_whole_number(value: Any) -> int | None:
    """The whole number that a JSON value is; None of others."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, str):
        whole = _WHOLE_NUMBER.fullmatch(value[:50])
        return int(whole[1]) if whole else None
    return int(value) if isinstance(value, int) or value.is_integer() else None


def as_number(value: Any) -> float | None:
    """The number that a JSON value is, a whole one where it can be."""
    whole = as_whole_number(value)
    return whole if whole is not None else as_score(value)


def as_score(value: Any) -> float | None:
    """The number that a JSON value gives; one with a unit on the scale from 0 to 10."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        row = row_of_line("= " + value[:100])
        units = [n for column, n in row.numbers.items() if column.role is Role.SCORE]
        plain = re.fullmatch(r"\s*-?\d{1,7}(?:\.\d+)?\s*", value[:100])
        is_short = not re.search(r"[A-Za-z]{3,}", re.sub(r"(?i)out of|percent", "", value))
        return float(value) if plain else units[0] if units and is_short else None
    return value if isinstance(value, (int, float)) else None
