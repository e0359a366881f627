"""What a list in an answer says: the candidates in its order, or a score for each of them."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from microrank.llm.reading.columns import (
    Reading,
    are_places,
    columns_of,
    counts_down,
    is_run,
    names_of,
    values_of,
)
from microrank.llm.reading.rows import Block, Column, Role, Row
from microrank.llm.reading.shown import Shown

_RANKS = re.compile(r"rank|place|position", re.IGNORECASE)
_LIST_OF_RANKS = re.compile(r"(?:ranks|places|positions)", re.IGNORECASE)
LARGEST = 1e6  # of a score's magnitude: beyond it a number is no score


@dataclass(frozen=True)
class Finding:
    """What one list says.

    Attributes:
        block: The list.
        said: Position of a candidate -> its score, NaN in an answer that ranks; in the order meant.
        repairs: What had to be mended: `foreign`, `duplicate`, `list_numbers`, `titles`,
            `numbers_for_ids`, `ids_for_numbers`.
        is_ambiguous: Whether two readings contradict each other; then nothing is said.
    """

    block: Block
    said: dict[int, float] = field(default_factory=dict)
    repairs: Counter[str] = field(default_factory=Counter)
    is_ambiguous: bool = False


def order_in(block: Block, shown: Shown, answer_format: str) -> Finding:
    """The candidates that a list names, best first."""
    names = names_of(block, shown, answer_format)
    if names.reading is None:
        return Finding(block, is_ambiguous=names.is_ambiguous)
    if block.kind == "list" and len(block.rows) == 1 and _is_a_sentence(block, names.reading):
        return Finding(block)
    if _may_be_ranks(block):
        return Finding(block, is_ambiguous=True)
    places, contradict = _places(block, names.reading)
    contradict |= places is None and _may_be_places(block, names.reading, shown)
    if contradict or (places is None and _scores_disagree(block.rows, names.reading)):
        return Finding(block, is_ambiguous=True)
    order = range(len(block.rows)) if places is None else _sorted_by(places)
    positions = [names.reading.positions[row] for row in order]
    return _finding(
        block, names.reading, answer_format, [(position, math.nan) for position in positions]
    )


def _may_be_places(block: Block, reading: Reading, shown: Shown) -> bool:
    """Whether `a title: 3` may give a title its place as well as its number.

    Places may be missing: a map holds a title that two candidates share only once.
    """
    if reading.column not in (Column(Role.UNKNOWN, "value"), Column(Role.UNKNOWN, "end")):
        return False
    values = values_of(block.rows, reading.column)
    are_most = len(set(values)) == len(values) and 2 * len(values) >= len(shown.by_number)
    are_numbers = {*values} <= {*shown.by_number}
    return reading.is_confirmed and are_most and are_numbers and not is_run(values)


def _may_be_ranks(block: Block) -> bool:
    """Whether `ranks: [2, 3, 1]` may give the first candidate place 2, or name candidate 2."""
    values = [value for row in block.rows for value in row.numbers.values()]
    return bool(_LIST_OF_RANKS.fullmatch(block.heading)) and are_places(values)


def _is_a_sentence(block: Block, reading: Reading) -> bool:
    """Whether a single line is no list but a sentence, such as `5 videos are about cats`."""
    (row,) = block.rows
    is_bare = not row.text and len(row.numbers) == 1
    return reading.column is None or not (is_bare or reading.is_confirmed)


def _places(block: Block, reading: Reading) -> tuple[list[float] | None, bool]:
    """The place that each row gives its candidate, and whether it is unclear that it is one.

    Places that are called so count in any order. Others must count up as written, unless the
    answer calls the whole list one of ranks: they may be points.
    """
    unclear = False
    for column in columns_of(block.rows):
        values = [value for value in values_of(block.rows, column) if value is not None]
        if column == reading.column or len(values) < len(block.rows):
            continue
        if column.role is Role.PLACE and len(set(values)) == len(values):
            return values, False
        if column.role is Role.LIST_MARK and (is_run(values) or counts_down(values)):
            return values, False
        if column.role is Role.UNKNOWN and are_places(values) and len(values) > 1:
            if is_run(values) or _RANKS.search(block.heading):
                return values, False
            unclear = True
    return None, unclear


def _sorted_by(places: Sequence[float]) -> list[int]:
    return sorted(range(len(places)), key=lambda row: places[row])


def _scores_disagree(rows: Sequence[Row], reading: Reading) -> bool:
    """Whether the rows' scores would put the candidates into another order than the rows do.

    Numbers of which the answer does not say what they are may be scores.
    """
    names = [] if reading.column is None else values_of(rows, reading.column)
    rows = list(map(_with_value, rows))
    for column in columns_of(rows):
        values = values_of(rows, column)
        scores = [value for value in values if value is not None]
        may_be_scores = column.role in (Role.SCORE, Role.UNKNOWN) and column != reading.column
        if may_be_scores and 2 * len(scores) >= len(rows) and values != names:
            is_rising = any(later > before for before, later in pairwise(scores))
            may_be_places = column.name == "value" and are_places(values) and len(rows) > 1
            stands_first = column.name == "start" and not is_run(values)
            return is_rising or may_be_places or stands_first
    return False


def scores_in(block: Block, shown: Shown) -> Finding:
    """The score that a list gives each candidate."""
    is_unclear = _is_one_line_of_numbers(block)
    block = replace(block, rows=tuple(map(_with_value, block.rows)))
    column = _score_column(block)
    if column is None:
        return _bare_scores(block, shown)
    rated = [row for row in block.rows if _as_score(row.numbers.get(column)) is not None]
    is_unclear |= any(map(_is_sequence, rated))
    names = names_of(replace(block, rows=tuple(rated)), shown, "scores", without=column)
    if names.reading is None or is_unclear:
        return Finding(block, is_ambiguous=names.is_ambiguous or is_unclear)
    scores = [float(row.numbers[column]) for row in rated]
    may_be_places = _may_be_a_sorted_list(names.reading, rated, scores, column.name == "value")
    if may_be_places or _may_stand_first(names.reading, scores, shown):
        return Finding(block, is_ambiguous=True)
    said = list(zip(names.reading.positions, scores, strict=True))
    return _finding(block, names.reading, "numbers", said)


def _may_stand_first(reading: Reading, scores: Sequence[float], shown: Shown) -> bool:
    """Whether the scores rather than the names are all candidates, as in `8: 1`, `5: 2`."""
    are_names = {*scores} <= {*shown.by_number} or {*scores} <= {*shown.by_id}
    are_distinct = len(set(scores)) == len(scores) > 1
    has_others = reading.n_known < len(scores)
    return are_names and are_distinct and has_others and not reading.is_confirmed


def _is_one_line_of_numbers(block: Block) -> bool:
    """Whether an answer such as `3, 1, 2` is one line of numbers, rather than a name's score."""
    if len(block.rows) != 1:
        return False
    names = {column.name for column in block.rows[0].numbers}
    return names == {"start", "end"} and not _has_letters(block.rows[0])


def _is_sequence(row: Row) -> bool:
    """Whether further numbers stand in the row, as in `3 (8), 1 (5)`."""
    return not _has_letters(row) and bool(re.search(r"[,;>→]", row.text))


def _has_letters(row: Row) -> bool:
    return bool(re.search(r"[^\W\d_]|\ue000", row.text))


def _with_value(row: Row) -> Row:
    """The row with its last number as its value, where no number follows its name."""
    value, end = Column(Role.UNKNOWN, "value"), Column(Role.UNKNOWN, "end")
    if value in row.numbers or end not in row.numbers:
        return row
    numbers = {value if column == end else column: n for column, n in row.numbers.items()}
    return replace(row, numbers=numbers)


def _as_score(value: float | None) -> float | None:
    return value if value is not None and abs(value) <= LARGEST else None


def _score_column(block: Block) -> Column | None:
    """The column of scores: one that says so, else what follows a name, else the last number."""
    rows = block.rows
    columns = [
        column
        for column in columns_of(rows)
        if block.kind == "map"
        or 2 * sum(_as_score(value) is not None for value in values_of(rows, column)) >= len(rows)
    ]
    named = [column for column in columns if column.role is Role.SCORE]
    unnamed = [
        column
        for name in ("value", "item 1")
        for column in columns
        if column == Column(Role.UNKNOWN, name)
    ]
    table = [c for c in columns if c.role is Role.UNKNOWN and c.name.startswith("column ")][-1:]
    candidates = [*named, *unnamed, *table]
    has_names = (candidates and len(columns) > 1) or _has_titles(rows, candidates)
    return candidates[0] if has_names else None


def _has_titles(rows: Sequence[Row], columns: Sequence[Column]) -> bool:
    return bool(columns) and sum(bool(row.text) for row in rows) * 2 >= len(rows)


def _bare_scores(block: Block, shown: Shown) -> Finding:
    """A list of one bare score for each candidate as shown."""
    values = [list(row.numbers.values()) for row in block.rows]
    is_bare = all(len(numbers) == 1 for numbers in values) and block.kind == "json"
    if not is_bare or len(values) != len(shown.by_number) or any(row.text for row in block.rows):
        return Finding(block)
    said = {position: float(values[number - 1][0]) for number, position in shown.by_number.items()}
    scores = list(said.values())
    may_rank = not re.search("scor|rat", block.heading, re.I) and (
        are_places(scores) or {*scores} == {*shown.by_id}
    )
    is_valid = all(_as_score(score) is not None for score in scores) and not may_rank
    return Finding(block, said if is_valid else {})


def _may_be_a_sorted_list(
    reading: Reading, rows: Sequence[Row], scores: Sequence[float], scores_follow: bool
) -> bool:
    """Whether 1, 2, 3 … may be the places of a list sorted by score, with titles nobody knows.

    The titles may be numbers, and the list may count down.
    """
    column = reading.column
    if column is None or reading.is_confirmed:
        return False
    is_reversed = counts_down(values_of(rows, column))
    if not reading.is_run and not is_reversed:
        return False
    has_more = any(row.text or len(row.numbers) > 2 for row in rows)
    in_a_line = column.name in ("lead", "start", "key") and has_more
    is_place = column.role is Role.PLACE or (in_a_line and not scores_follow)
    falling = list(scores)[::-1] if is_reversed else list(scores)
    is_sorted = all(later <= before for before, later in pairwise(falling))
    return is_place and is_sorted and len(falling) > 1 and falling[0] > falling[-1]


def _finding(
    block: Block,
    reading: Reading,
    answer_format: str,
    said: Sequence[tuple[int | None, float]],
) -> Finding:
    repairs: Counter[str] = Counter()
    first: dict[int, float] = {}
    for position, value in said:
        if position is None:
            repairs["foreign"] += 1
        elif position in first:
            repairs["duplicate"] += 1
        else:
            first[position] = value
    if reading.column is None:
        repairs["titles"] += 1
        repairs.pop("foreign", None)
    elif not reading.as_asked:
        repairs["numbers_for_ids" if answer_format == "ids" else "ids_for_numbers"] += 1
    leads = {c for c in columns_of(block.rows) if c.role in (Role.LIST_MARK, Role.PLACE)}
    if leads - {reading.column}:
        repairs["list_numbers"] += 1
    return Finding(block, first, repairs)
