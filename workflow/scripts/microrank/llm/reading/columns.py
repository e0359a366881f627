"""Which column of a list names the candidates, and what the other columns say.

Every column is read in every way that fits; titles are one more column. Readings that the answer
itself does not support are dropped. What is left must agree, else the list is ambiguous.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from microrank.llm.reading.rows import Block, Column, Role, Row
from microrank.llm.reading.shown import Shown

AGREEING = 0.8  # share of rows in which a name and a title must mean the same candidate
Positions = tuple[int | None, ...]


@dataclass(frozen=True)
class Reading:
    """One way to read the candidates' names in a list.

    Attributes:
        column: Where the names stand; None where titles are the names.
        positions: Each row's candidate; None where it names none.
        as_asked: Whether these are the names that the prompt asked for.
        is_run: Whether the column counts up by 1: it may hold places.
        is_confirmed: Whether titles beside the names say the same.
    """

    column: Column | None
    positions: Positions
    as_asked: bool = True
    is_run: bool = False
    is_confirmed: bool = False

    @property
    def n_known(self) -> int:
        """How many different candidates are named."""
        return len({position for position in self.positions if position is not None})


@dataclass(frozen=True)
class Names:
    """The candidates that a list names, row by row; `is_ambiguous` where readings contradict."""

    reading: Reading | None
    is_ambiguous: bool = False


NOTHING, AMBIGUOUS = Names(None), Names(None, True)


def names_of(
    block: Block, shown: Shown, answer_format: str, without: Column | None = None
) -> Names:
    """The candidates that the rows of a list name.

    Args:
        block: The list.
        shown: What the prompt showed.
        answer_format: What it asked for.
        without: A column that is known to hold something else.
    """
    columns = [
        column
        for column in columns_of(block.rows)
        if column != without and column.role not in (Role.SCORE, Role.OTHER)
    ]
    has_text = any(row.text for row in block.rows)
    least = _least_known(len(columns) == 1, has_text, len(block.rows))
    readings = [
        reading
        for column in columns
        if (reading := _read(column, block, shown, answer_format)) is not None
        and reading.n_known >= (least if column.role is not Role.CANDIDATE else least / 2)
    ]
    groups = [shown.group_of(row.text) if row.text else None for row in block.rows]
    if _name_candidates(groups):
        return _with_titles(readings, groups, shown)
    return _without_titles(readings, block, answer_format)


def _least_known(is_only_column: bool, has_text: bool, n_rows: int) -> float:
    """How many candidates a column must name at least, so that it may be one of names."""
    if is_only_column:
        return n_rows / 2 if has_text else 1
    return AGREEING * n_rows


def _name_candidates(groups: Sequence[int | None]) -> bool:
    """Whether titles stand in most rows, and nearly each row has another one."""
    present = [group for group in groups if group is not None]
    return 2 * len(present) >= len(groups) and len(set(present)) >= AGREEING * len(present)


def columns_of(rows: Sequence[Row]) -> list[Column]:
    """The rows' columns, in the order in which they first occur."""
    return list(dict.fromkeys(column for row in rows for column in row.numbers))


def values_of(rows: Sequence[Row], column: Column) -> list[float | None]:
    """The numbers of a column, None for rows without one."""
    return [row.numbers.get(column) for row in rows]


def are_places(values: Sequence[float | None]) -> bool:
    """Whether the values are the places 1…n (or 0…n − 1), each once, in any order."""
    present = sorted(value for value in values if value is not None)
    return len(present) == len(values) and present in (
        list(range(1, len(values) + 1)),
        list(range(len(values))),
    )


def is_run(values: Sequence[float | None]) -> bool:
    """Whether the values count up by 1."""
    present = [value for value in values if value is not None]
    return all(after == before + 1 for before, after in pairwise(present))


def counts_down(values: Sequence[float | None]) -> bool:
    """Whether the values are n, n - 1, … 1."""
    return len(values) > 1 and list(values) == list(range(len(values), 0, -1))


def _read(column: Column, block: Block, shown: Shown, answer_format: str) -> Reading | None:
    values = values_of(block.rows, column)
    present = [value for value in values if value is not None]
    is_place = column.role is Role.PLACE and (are_places(values) or is_run(values))
    if is_place and answer_format != "scores":
        return None
    scheme, as_asked = _scheme(present, shown, answer_format)
    positions = tuple(None if value is None else scheme.get(value) for value in values)
    known = {position for position in positions if position is not None}
    if not known:
        return None
    counts_up = len(values) > 1 and is_run(values)
    if column.role is not Role.LIST_MARK:
        counts_up &= values[0] in (0, 1)
    return Reading(column, positions, as_asked, counts_up)


def _scheme(
    values: Sequence[float], shown: Shown, answer_format: str
) -> tuple[Mapping[float, int], bool]:
    """Whether these are ids or numbers: as asked, unless only the other way fits."""
    asked, other = shown.by_id, shown.by_number
    if answer_format != "ids":
        asked, other = other, asked
    distinct = set(values)
    in_asked = sum(value in asked for value in distinct)
    in_other = sum(value in other for value in distinct)
    only_other = in_other > 0 and (
        in_asked == 0 or (in_other == len(distinct) and 2 * in_asked < len(distinct))
    )
    return (other, False) if only_other else (asked, True)  # type: ignore[return-value]


def _with_titles(readings: Sequence[Reading], groups: Sequence[int | None], shown: Shown) -> Names:
    agreeing = [reading for reading in readings if _agrees(reading, groups, shown)]
    if agreeing:
        names = _agreed(_by_role(agreeing))
        confirmed = names.reading and replace(names.reading, is_confirmed=True)
        return replace(names, reading=confirmed)
    if any(_contradicts_titles(reading) for reading in readings):
        return AMBIGUOUS
    # A title in two rows names nobody: one of them is another candidate's title, shortened.
    positions = tuple(
        shown.groups[group][0]
        if group is not None and len(shown.groups[group]) == 1 and list(groups).count(group) == 1
        else None
        for group in groups
    )
    return Names(Reading(None, positions)) if any(p is not None for p in positions) else NOTHING


def _agrees(reading: Reading, groups: Sequence[int | None], shown: Shown) -> bool:
    """Whether names and titles mean the same candidates."""
    same = [
        position in shown.groups[group]
        for position, group in zip(reading.positions, groups, strict=True)
        if position is not None and group is not None
    ]
    return bool(same) and sum(same) >= AGREEING * len(same)


def _contradicts_titles(reading: Reading) -> bool:
    """Whether a column that titles speak against cannot be explained as places or a count."""
    if reading.is_run or reading.column is None:
        return False
    return reading.column.role is Role.CANDIDATE or reading.column.name in ("start", "key", "lead")


def _without_titles(readings: Sequence[Reading], block: Block, answer_format: str) -> Names:
    are_alone = _stand_alone(readings, block)
    certain = [
        reading
        for reading in readings
        if not reading.is_run and (are_alone or not _is_countdown(reading, block))
    ]
    if certain:
        return _inverse_checked(certain, readings, block)
    bare = [r for r in readings if _may_be_names(r, are_alone, answer_format)]
    return _agreed(_by_role(bare)) if bare else NOTHING


def _stand_alone(readings: Sequence[Reading], block: Block) -> bool:
    """Whether the rows hold names and places only, rather than texts or further numbers too."""
    read = {reading.column for reading in readings}
    others = [
        column
        for column in columns_of(block.rows)
        if column not in read and column.role not in (Role.PLACE, Role.LIST_MARK)
    ]
    return not others and not any(row.text for row in block.rows)


def _is_countdown(reading: Reading, block: Block) -> bool:
    """Whether the column may be the places of a list that begins with the last one."""
    assert reading.column is not None
    if reading.column.name not in ("lead", "start", "key"):
        return False
    return counts_down(values_of(block.rows, reading.column))


def _may_be_names(reading: Reading, are_alone: bool, answer_format: str) -> bool:
    """Whether a run 1, 2, 3 … names candidates, rather than giving places.

    It does where names of this kind were asked for and stand alone, or are labelled as candidates.
    """
    assert reading.column is not None
    if not reading.as_asked:
        return False
    if answer_format == "scores":
        return True
    is_labelled = reading.column.role is Role.CANDIDATE and reading.column.name not in (
        "bracket",
        "number",
    )
    return is_labelled or (are_alone and reading.column.role is not Role.LIST_MARK)


def _by_role(readings: Sequence[Reading]) -> list[Reading]:
    """The readings of columns that the answer calls candidates; all where there are none."""
    labelled = [r for r in readings if r.column is not None and r.column.role is Role.CANDIDATE]
    return labelled or list(readings)


def _agreed(readings: Sequence[Reading]) -> Names:
    """What all readings say; ambiguous where they differ."""
    if any(reading.positions != readings[0].positions for reading in readings):
        as_asked = [reading for reading in readings if reading.as_asked]
        if 0 < len(as_asked) < len(readings):
            return _agreed(as_asked)
        return AMBIGUOUS
    return Names(next((reading for reading in readings if reading.as_asked), readings[0]))


def _inverse_checked(
    certain: Sequence[Reading], readings: Sequence[Reading], block: Block
) -> Names:
    """The names of a list without titles.

    `1: 3, 2: 1, 3: 2` may give each place a candidate or each candidate a place: it is ambiguous
    unless both mean the same. `1. 3` and `1st: 3` give places their candidates.
    """
    names = _agreed(_by_role(certain))
    chosen = names.reading
    if chosen is None or chosen.column is None or chosen.column.role is not Role.UNKNOWN:
        return names
    values = values_of(block.rows, chosen.column)
    if not are_places(values) or 0 in values:
        return names
    runs = [r for r in readings if r.is_run and r.column is not None]
    if any(r.column.role is Role.UNKNOWN for r in runs if r.column is not None):
        order = [int(value or 0) for value in values]
        inverse = [order.index(place) + 1 for place in range(1, len(order) + 1)]
        if chosen.column.name in ("key", "start"):
            return names  # `3: 1, 1: 2, 2: 3`: the places count up as written
        return names if inverse == order else AMBIGUOUS
    return names
