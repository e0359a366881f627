"""The tsv format of interactions: one line a user, `user<TAB>item item …`, oldest item first."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from microrank.data.digit_scanner import MAX_ID, NotANumber, complaint, scan_numbers
from microrank.data.line_blocks import Block, read_blocks, shown
from microrank.data.raw_histories import RawHistories
from microrank.errors import StudyError

TAB, SPACE, LINE_END = b"\t \n"


def read_tsv(path: Path) -> Iterator[RawHistories]:
    """Read the lines of the file, block by block, in file order.

    Args:
        path: the file.

    Raises:
        StudyError: names the first line that is not in the format, and its value.
    """
    first_line = 1
    for text in read_blocks(path):
        histories = _parse(Block(text, first_line), path)
        first_line += len(histories.users)
        yield histories


def _parse(block: Block, path: Path) -> RawHistories:
    try:
        values, separators, ends = scan_numbers(block.text)
    except NotANumber as error:
        raise _explained(block, error.offset, path) from None
    tabs, line_ends = np.flatnonzero(separators == TAB), np.flatnonzero(separators == LINE_END)
    in_line_order = (
        len(tabs) == len(line_ends) and tabs[0] == 0 and (tabs[1:] == line_ends[:-1] + 1).all()
    )
    if not in_line_order or np.count_nonzero(separators == SPACE) != len(values) - 2 * len(tabs):
        raise _explained(block, int(ends[_first_wrong(separators)]), path)
    is_item = np.ones(len(values), bool)
    is_item[tabs] = False
    return RawHistories(
        values[tabs], line_ends - tabs, values[is_item], block.first_line + np.arange(len(tabs))
    )


def _first_wrong(separators: np.ndarray) -> int:
    """Index of the first separator that does not fit.

    A tab fits after the user; a space or the line's end fits after an item.
    """
    after_user = np.append(True, separators[:-1] == LINE_END)
    fits = np.where(after_user, separators == TAB, (separators == SPACE) | (separators == LINE_END))
    return int(fits.argmin())


def _explained(block: Block, offset: int, path: Path) -> StudyError:
    number, line = block.line_at(offset)
    where = f"{path}: line {number}"
    if not line.strip():
        return StudyError(f"{where}: the line is blank; remove it")
    user, tab, items = line.partition("\t")
    if not tab:
        return StudyError(
            f"{where}: no tab in {shown(line)}; a user, a tab and items separated by spaces are "
            "expected"
        )
    for what, text in [("user", user), *(("item", item) for item in items.split(" "))]:
        wrong = complaint(text)
        if wrong == "is empty":
            return StudyError(
                f"{where}: the {what} id is missing in {shown(line)}; a user, a tab and items "
                "separated by one space are expected, and nothing at the line's end"
            )
        if wrong:
            return StudyError(
                f"{where}: {what} id {shown(text)} {wrong}; ids are whole numbers from 0 to "
                f"{MAX_ID}"
            )
    return StudyError(f"{where}: {shown(line)} is not a user, a tab and items separated by spaces")
