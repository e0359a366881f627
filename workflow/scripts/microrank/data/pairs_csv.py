"""The csv format of interactions: rows `user,item,timestamp` under that header, in any order.

Timestamps are milliseconds.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from microrank.data.digit_scanner import MAX_ID, NotANumber, complaint, scan_numbers
from microrank.data.line_blocks import Block, read_blocks, shown
from microrank.data.raw_histories import RawHistories
from microrank.errors import StudyError

COLUMNS = ("user", "item", "timestamp")
CSV_HEADER = ",".join(COLUMNS).encode()
FIRST_ROW_LINE = 2
ROWS_AT_ONCE = 1 << 18
SEPARATORS = np.frombuffer(b",,\n", np.uint8)


def read_csv(path: Path, by_block: bool) -> Iterator[RawHistories]:
    """Read each user's items by timestamp, equal ones in file order; users ascending.

    Args:
        path: the file.
        by_block: the rows are grouped by user, users ascending, so that a block can be let go
            before the next is read.

    Raises:
        StudyError: names the first line that is not in the format, and its value.
    """
    n_read = n_given = 0
    waiting: list[np.ndarray] = []
    for text in read_blocks(path):
        is_first = not waiting
        rows = _parse(
            Block(text[len(CSV_HEADER) + 1 :] if is_first else text, n_read + FIRST_ROW_LINE), path
        )
        n_read += len(rows)
        waiting.append(rows)
        if by_block and sum(map(len, waiting)) >= ROWS_AT_ONCE:
            rows = np.concatenate(waiting)
            last_user_from = int(np.searchsorted(rows[:, 0], rows[-1, 0])) if len(rows) else 0
            if last_user_from:
                yield _grouped(rows[:last_user_from], n_given)
            n_given += last_user_from
            waiting = [rows[last_user_from:]]
    rows = np.concatenate(waiting)
    del waiting
    if not len(rows):
        raise StudyError(
            f"{path}: no rows below the header; delete the file and fetch it again, or place the "
            "right one there"
        )
    yield _grouped(rows, n_given)


def _parse(block: Block, path: Path) -> np.ndarray:
    """[n_rows, 3] int64: user, item, timestamp."""
    try:
        values, separators, ends = scan_numbers(block.text)
    except NotANumber as error:
        raise _explained(block, error.offset, path) from None
    n_whole = len(separators) - len(separators) % len(COLUMNS)
    wrong = (separators[:n_whole].reshape(-1, len(COLUMNS)) != SEPARATORS).ravel()
    if wrong.any() or n_whole < len(separators):
        raise _explained(block, int(ends[wrong.argmax() if wrong.any() else n_whole]), path)
    return values.reshape(-1, len(COLUMNS))


def _grouped(rows: np.ndarray, n_before: int) -> RawHistories:
    """Sort rows by user, timestamp and file order.

    Args:
        rows: [n_rows, 3] user, item, timestamp.
        n_before: rows of the file that stand before them.
    """
    users, items, times = rows.T
    order = np.arange(len(rows))
    same_user = users[1:] == users[:-1]
    if (users[1:] < users[:-1]).any() or (same_user & (times[1:] < times[:-1])).any():
        order = np.lexsort((times, users))
        users = users[order]
        items = items[order]
        same_user = users[1:] == users[:-1]
    starts = np.concatenate([[0], np.flatnonzero(~same_user) + 1])
    lengths = np.diff(starts, append=len(users))
    lines = np.minimum.reduceat(order, starts) + n_before + FIRST_ROW_LINE
    return RawHistories(users[starts], lengths, items, lines)


def _explained(block: Block, offset: int, path: Path) -> StudyError:
    number, line = block.line_at(offset)
    where = f"{path}: line {number}"
    fields = line.split(",")
    if not line.strip():
        return StudyError(f"{where}: the line is blank; remove it")
    if len(fields) != len(COLUMNS):
        return StudyError(
            f"{where}: {shown(line)} is not user,item,timestamp; was the file cut off?"
        )
    for column, text in zip(COLUMNS, fields, strict=True):
        if wrong := complaint(text):
            kind = "timestamps are milliseconds, in" if column == "timestamp" else "ids are"
            return StudyError(
                f"{where}: {column} {shown(text)} {wrong}; {kind} whole numbers from 0 to {MAX_ID}"
            )
    return StudyError(f"{where}: {shown(line)} is not user,item,timestamp")
