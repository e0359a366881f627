"""The tsv format of interactions: one line a user, `user<TAB>item item …`, oldest item first."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from microrank.data.blocks import Block, read_blocks, shown
from microrank.data.histories import Histories
from microrank.data.numbers import MAX_ID, NotANumber, complaint, scan_numbers
from microrank.errors import StudyError

TAB, SPACE, LINE_END = b"\t \n"


def read_tsv(path: Path) -> Iterator[Histories]:
    """The lines of the file, block by block, in file order.

    Raises:
        StudyError: names the first line that is not in the format, and its value.
    """
    for block in read_blocks(path):
        yield _parse(block, path)


def _parse(block: Block, path: Path) -> Histories:
    try:
        values, separators, ends = scan_numbers(block.text)
    except NotANumber as error:
        raise _explained(block, error.offset, path) from None
    line_ends = np.flatnonzero(separators == LINE_END)
    is_user = np.zeros(len(values), bool)
    is_user[0] = True
    is_user[line_ends[:-1] + 1] = True
    wrong = np.flatnonzero(is_user != (separators == TAB))
    if not len(wrong):
        wrong = np.flatnonzero((separators != TAB) & (separators != SPACE) & (separators != LINE_END))
    if len(wrong):
        raise _explained(block, int(ends[wrong[0]]), path)
    first_of_line = np.flatnonzero(is_user)
    lines = block.first_line + np.arange(len(first_of_line))
    return Histories(values[first_of_line], line_ends - first_of_line, values[~is_user], lines)


def _explained(block: Block, offset: int, path: Path) -> StudyError:
    number, line = block.line_at(offset)
    where = f"{path}: line {number}"
    if not line.strip():
        return StudyError(f"{where}: the line is blank; remove it")
    user, tab, items = line.partition("\t")
    if not tab:
        return StudyError(f"{where}: no tab in {shown(line)}; a user, a tab and items separated by spaces are expected")
    for what, text in [("user", user), *(("item", item) for item in items.split(" "))]:
        wrong = complaint(text)
        if wrong == "is empty":
            expected = "a user, a tab and items separated by one space are expected, and nothing at the line's end"
            return StudyError(f"{where}: the {what} id is missing in {shown(line)}; {expected}")
        if wrong:
            return StudyError(f"{where}: {what} id {shown(text)} {wrong}; ids are whole numbers from 0 to {MAX_ID}")
    return StudyError(f"{where}: {shown(line)} is not a user, a tab and items separated by spaces")
