"""Interactions as rows of a user, an item and a time, in any order."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from microrank.data.ids import IdSpace, OtherKind, as_texts
from microrank.data.layouts import Layout
from microrank.data.line_blocks import shown
from microrank.data.number_rows import NoNumbers
from microrank.data.problems import Problems
from microrank.data.raw_histories import RawHistories
from microrank.data.raw_rows import Parsing, read_rows
from microrank.data.raw_settings import RawSettings
from microrank.data.raw_times import UNITS, WORDS, read_times
from microrank.data.row_batch import RowBatch
from microrank.data.row_store import ITEM, LINE, TIME, USER, RowStore
from microrank.errors import StudyError

log = logging.getLogger(__name__)

LONGEST_ID = 1000  # bytes
CONTROL_CHARACTERS = r"[\x00-\x1f]"


@dataclass
class Gathered:
    """The rows of a file.

    Attributes:
        path: the file.
        has_times: whether the file has a column of them; else its order counts.
        users: the users' ids.
        items: the items' ids.
        store: the rows.
        units: unit of time -> how many rows have it, and the first of them, for messages.
        n_ties: interactions that share their user's time with another one.
    """

    path: Path
    has_times: bool
    users: IdSpace
    items: IdSpace
    store: RowStore = field(default_factory=RowStore)
    units: dict[str, tuple[int, str]] = field(default_factory=dict)
    n_ties: int = 0

    def histories(self) -> Iterator[RawHistories]:
        """Each user's items by time, equal ones in file order; users ascending."""
        with self.store:
            for rows in self.store.parts():
                if len(rows):
                    yield self._histories_of(rows)
        if self.n_ties:
            log.info(
                "%s: %d interactions have the time of another one of their user: these keep the "
                "order of the file",
                self.path,
                self.n_ties,
            )

    def _histories_of(self, rows: np.ndarray) -> RawHistories:
        users, times, lines = rows[:, USER], rows[:, TIME], rows[:, LINE]
        is_same = users[1:] == users[:-1]
        if self.has_times:
            self.n_ties += int((is_same & (times[1:] == times[:-1])).sum())
        starts = np.concatenate([[0], np.flatnonzero(~is_same) + 1])
        return RawHistories(
            users[starts],
            np.diff(starts, append=len(rows)),
            rows[:, ITEM].copy(),
            np.minimum.reduceat(lines, starts),
            times=times if self.has_times else None,
            row_lines=lines,
        )


def gather_rows(path: Path, layout: Layout, settings: RawSettings, problems: Problems) -> Gathered:
    """Read all rows of a file.

    The ids of a column are numbers until one is not: then the file is read again.

    Args:
        path: the file.
        layout: where it keeps what.
        settings: how it is read.
        problems: takes what is wrong with its rows.

    Raises:
        StudyError: the file cannot be read, or holds no rows.
    """
    kinds = {"user": 0, "item": 0}
    ways = list(Parsing) if layout.kind == "rows" else [Parsing.TEXTS]
    while True:
        gathered = Gathered(
            path, "timestamp" in layout.columns, IdSpace(kinds["user"]), IdSpace(kinds["item"])
        )
        problems.by_kind.clear()
        try:
            _read_all(gathered, layout, settings, problems, ways[0])
        except NoNumbers:
            gathered.store.__exit__()
            del ways[0]
            continue
        except _OtherKindOf as error:
            gathered.store.__exit__()
            kinds[error.what] += 1
            continue
        if not len(gathered.store) and not problems.by_kind:
            raise StudyError(
                f"{path}: no rows below the header; delete the file and fetch it again, or place "
                "the right one there"
            )
        _check_units(gathered, settings, problems)
        if not gathered.has_times:
            log.warning("%s: has no column of times: its order is that of time", path)
        return gathered


class _OtherKindOf(Exception):
    """The column `what` holds an id of another kind than those before it."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


def _read_all(
    gathered: Gathered,
    layout: Layout,
    settings: RawSettings,
    problems: Problems,
    parsing: Parsing,
) -> None:
    reader = _RowReader(gathered, settings, problems)
    for batch in read_rows(
        gathered.path, layout, settings.format, problems, settings.bad_rows, parsing=parsing
    ):
        reader.add(batch)


class _RowReader:
    """Checks batches of rows and puts them into the store."""

    def __init__(self, gathered: Gathered, settings: RawSettings, problems: Problems) -> None:
        self.gathered = gathered
        self.settings = settings
        self.problems = problems

    def add(self, batch: RowBatch) -> None:
        """Take one batch."""
        batch = batch.without_blanks()
        for what in ("user", "item"):
            batch = self._without(
                batch, _bad_ids(batch.columns[what]), what, "missing, too long or no text"
            )
        batch = self._with_rating(batch)
        times = np.zeros(len(batch.lines), np.int64)
        if self.gathered.has_times:
            times, units = read_times(batch.columns["timestamp"], self.settings.time_unit)
            is_bad = units < 0
            kept = self._without(batch, is_bad, "timestamp", "no time")
            self._count_units(kept, units[~is_bad])
            batch, times = kept, times[~is_bad]
        users = self._numbers(self.gathered.users, batch, "user")
        items = self._numbers(self.gathered.items, batch, "item")
        self.gathered.store.add(users, items, times, batch.lines)

    def _numbers(self, ids: IdSpace, batch: RowBatch, what: str) -> np.ndarray:
        try:
            return ids.numbers_of(batch.columns[what])
        except OtherKind:
            raise _OtherKindOf(what) from None

    def _without(self, batch: RowBatch, is_bad: np.ndarray, what: str, why: str) -> RowBatch:
        """The batch without its bad rows, which are told."""
        if not is_bad.any():
            return batch
        drops = self.settings.bad_rows == "drop"
        rows = np.flatnonzero(is_bad)[:2]
        column = batch.columns[what]
        self.problems.add(
            f"bad_{what}",
            f"rows have a {what} that is {why}",
            "they are left out"
            if drops
            else (f"mend them, or leave them out by `bad_rows: drop` in {self.settings.name}"),
            is_fatal=not drops,
            count=int(is_bad.sum()),
            examples=[
                f"line {batch.lines[row]}: {shown(str(column[int(row)].as_py() or ''), 40)}"
                for row in rows
            ],
        )
        return batch.where(~is_bad)

    def _with_rating(self, batch: RowBatch) -> RowBatch:
        """The batch without what is rated too low."""
        least = self.settings.min_rating
        if least is None:
            return batch
        ratings = _ratings(batch.columns["rating"])
        batch = self._without(batch, np.isnan(ratings), "rating", "no number")
        is_low = ratings[~np.isnan(ratings)] < least
        self.problems.add(
            "below_min_rating",
            f"interactions are rated below {least:g}",
            f"they are left out ({self.settings.name}.min_rating)",
            is_fatal=False,
            count=int(is_low.sum()),
            examples=[],
        )
        return batch.where(~is_low)

    def _count_units(self, batch: RowBatch, units: np.ndarray) -> None:
        counted = np.bincount(units, minlength=len(UNITS))
        for place in np.flatnonzero(counted):
            row = int(np.argmax(units == place))
            value = str(batch.columns["timestamp"][row].as_py())
            example = f"line {batch.lines[row]}: {shown(value, 40)}"
            count, first = self.gathered.units.get(UNITS[place], (0, example))
            self.gathered.units[UNITS[place]] = count + int(counted[place]), first


def _bad_ids(column: pa.Array) -> np.ndarray:
    """[n] bool: whether an id is empty, longer than any real one, or holds control characters."""
    if not pa.types.is_string(column.type):
        return column.is_null().to_numpy(zero_copy_only=False)
    length = pc.binary_length(column).fill_null(0).to_numpy(zero_copy_only=False)
    is_bad = (length == 0) | (length > LONGEST_ID)
    if _has_control_characters(column):
        is_bad |= pc.match_substring_regex(column, CONTROL_CHARACTERS).to_numpy(
            zero_copy_only=False
        )
    return is_bad


def _has_control_characters(column: pa.Array) -> bool:
    """Look at all bytes at once, which is far faster than text by text."""
    data = column.buffers()[2]
    return data is not None and bool((np.frombuffer(data, np.uint8) < ord(" ")).any())


def _ratings(column: pa.Array) -> np.ndarray:
    """[n] float64, nan where there is no number."""
    if pa.types.is_string(column.type):
        is_number = pc.match_substring_regex(column, r"^\s*[-+]?[0-9]*\.?[0-9]+\s*$")
        trimmed = pc.utf8_trim_whitespace(as_texts(column))
        column = pc.if_else(is_number, trimmed, pa.scalar(None, pa.string()))
    return column.cast(pa.float64()).to_numpy(zero_copy_only=False)


def _check_units(gathered: Gathered, settings: RawSettings, problems: Problems) -> None:
    """Two units in one file would put interactions into a wrong order."""
    units = {unit: seen for unit, seen in gathered.units.items() if unit in WORDS}
    if len(units) < 2:
        return
    kinds = [f"{count} in {WORDS[unit]} ({first})" for unit, (count, first) in units.items()]
    problems.add(
        "time_units",
        f"timestamps are in {len(units)} units: {' and '.join(kinds)}",
        "bring them to one unit; if they are in one already, say which by "
        f"`{settings.name}.time_unit: s | ms | us | ns`",
        is_fatal=True,
        count=sum(count for count, _ in units.values()),
        examples=[],
    )
