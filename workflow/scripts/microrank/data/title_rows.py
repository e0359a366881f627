"""Rows of a titles file: an item, its title, and the columns that are its attributes.

A file has rows under a header (RFC 4180 quoting where fields are separated by a comma or a
semicolon), the same without one, bare lines `id, title`, JSON lines, or is parquet. In bare lines,
which the comma and the space after the first id tell, quotes and further commas belong to the
title.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Literal

import pyarrow.parquet as pq

from microrank.data.layouts import choose_columns, plain_name, separator_of
from microrank.data.line_blocks import shown
from microrank.data.parquet_rows import is_parquet, parquet_names
from microrank.data.raw_rows import INSTEAD_OF_COLONS, QUOTED
from microrank.data.raw_settings import FileFormat, RawSettings
from microrank.data.raw_source import doubled_colons, open_raw
from microrank.errors import StudyError

NEEDED = ("item", "title")
HEADERLESS = ("item", "title")
ITEM_NAMES = {"item", "item_id", "itemid", "movieid"}
BARE_LINE = re.compile(r"[^,]*, ")
LONGEST_TITLE = csv.field_size_limit()

Row = tuple[int, Sequence[Any]]  # its line, and its fields


def title_rows(path: Path, settings: RawSettings) -> tuple[list[str], Iterator[Row]]:
    """The names `item`, `title` and of the attributes, and rows of these."""
    wanted = ("item", "title", *settings.attributes)
    if is_parquet(path):
        columns = _chosen(path, parquet_names(path), settings)
        return list(wanted), _parquet_rows(path, [columns[what] for what in wanted])
    first_line = _first_line(path, settings.titles_format)
    if first_line.lstrip().startswith("{"):
        return list(wanted), _json_rows(path, settings, wanted)
    return list(wanted), _text_rows(path, settings, first_line, wanted)


def _chosen(path: Path, names: Sequence[str], settings: RawSettings) -> dict[str, str]:
    """What is wanted -> name of its column."""
    setting = f"{settings.name}.titles_columns"
    columns = choose_columns(path, names, settings.titles_columns, needed=NEEDED, setting=setting)
    for name in settings.attributes:
        if name not in names and name not in settings.flags:
            raise StudyError(
                f"{path}: has no column {name!r}, which {settings.name}.attributes names; it has "
                f"{shown(', '.join(names), 200)}"
            )
    return columns | {name: name for name in settings.attributes}


def _first_line(path: Path, file_format: FileFormat) -> str:
    with open_raw(path, file_format.encoding) as stream:
        lines = _checked_lines(path, stream)
        return next((text for _, text in lines if text.strip()), "")


def _checked_lines(path: Path, stream: Iterable[bytes]) -> Iterator[tuple[int, str]]:
    """Lines with their numbers and ends."""
    is_blank = True
    for number, line in enumerate(stream, start=1):
        text = line.decode()
        if "\0" in text:
            raise StudyError(
                f"{path}: line {number}: there is a NUL byte: the file is damaged, or is UTF-16; "
                "save it as UTF-8"
            )
        is_blank = is_blank and not text.strip()
        yield number, text
    if is_blank:
        raise StudyError(
            f"{path}: the file is empty; delete it and fetch it again, or place the right one there"
        )


def _text_rows(
    path: Path, settings: RawSettings, first_line: str, wanted: Sequence[str]
) -> Iterator[Row]:
    file_format = settings.titles_format
    is_bare = BARE_LINE.match(first_line) and file_format == FileFormat()
    if is_bare and plain_name(first_line.partition(",")[0]).lower() not in ITEM_NAMES:
        yield from _bare_lines(path, file_format)
        return
    separator = file_format.separator or separator_of(first_line) or ","
    with open_raw(path, file_format.encoding) as stream:
        rows = _separated(path, stream, separator)
        first, header = next(rows)
        names, is_data = _names(path, header, first_line, settings)
        columns = _chosen(path, names, settings)
        places = [names.index(columns[what]) for what in wanted if columns[what] in names]
        wants_all = places == list(range(len(names)))
        for line, row in chain([(first, header)] if is_data else [], rows):
            if len(row) != len(names):
                raise StudyError(f"{path}: line {line}: {_wrong_fields(row, len(names))}")
            if settings.flags:
                by_name = dict(zip(names, row, strict=True))
                yield line, [_value(by_name, columns[what], settings) for what in wanted]
            else:
                yield line, row if wants_all else [row[place] for place in places]


def _names(
    path: Path, fields: Sequence[str], first_line: str, settings: RawSettings
) -> tuple[list[str], bool]:
    """The names of the columns, and whether the first line is data."""
    if settings.titles_format.header:
        return list(settings.titles_format.header), True
    names = [plain_name(field) for field in fields]
    wanted = set(settings.titles_columns.values())
    if wanted & set(names) or _is_titles_header(names):
        return names, False
    if len(fields) == 2 and not _is_word(fields[0].strip()):
        return list(HEADERLESS), True
    raise StudyError(
        f"{path}: line 1: found {shown(first_line.rstrip())} where the header 'item,title', or an "
        "id, a comma and a title are expected; name other columns as "
        f"{settings.name}.titles_columns: {{item: …, title: …}}"
    )


def _is_titles_header(names: Sequence[str]) -> bool:
    try:
        choose_columns(Path(), names, {}, needed=NEEDED)
    except StudyError:
        return False
    return True


def _is_word(text: str) -> bool:
    """Whether an id of a first line looks like the name of a column, or like no id at all."""
    return not any(character.isdigit() for character in text)


def _separated(path: Path, stream: BinaryIO, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Fields of each row, and the line on which it begins."""
    if separator == "::":
        separator = INSTEAD_OF_COLONS
        stream = doubled_colons(stream, separator.encode())
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if separator in QUOTED else csv.QUOTE_NONE
    lines = io.StringIO(_whole_text(path, stream), newline="\n")
    reader = csv.reader(lines, delimiter=separator, quoting=quoting, strict=True)
    last_line = 0
    try:
        for row in reader:
            yield last_line + 1, row
            last_line = reader.line_num
    except csv.Error as error:
        raise StudyError(
            f"{path}: line {last_line + 1}: {_explained(error)}; quote titles as RFC 4180 says"
        ) from error


def _whole_text(path: Path, stream: BinaryIO) -> str:
    """All of a file; as one text its lines are read several times as fast."""
    content = stream.read()
    if b"\0" in content or not content.strip():
        for _ in _checked_lines(path, io.BytesIO(content)):
            pass  # raises, and names the line
    return content.decode()


def _value(row: dict[str, Any], name: str, settings: RawSettings) -> str:
    if name in settings.flags:
        return ", ".join(flag for flag in settings.flags[name] if row.get(flag) == "1")
    return _text_of(row.get(name))


def _text_of(value: Any) -> str:
    """A value of JSON or parquet as text; lists with commas."""
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(filter(None, map(_text_of, value)))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else str(value)


def _wrong_fields(row: Sequence[str], n_fields: int) -> str:
    if not row:
        return "the line is blank; remove it"
    if n_fields == len(HEADERLESS):
        return (
            f"{len(row)} fields where an id and a title are expected; quote a title that holds "
            "commas"
        )
    return f"{len(row)} fields where {n_fields} are expected; quote a field that holds separators"


def _explained(error: csv.Error) -> str:
    if "field larger" in str(error):
        return (
            f"a title of more than {LONGEST_TITLE} characters: is a quotation mark missing at its "
            "end?"
        )
    if "unexpected end" in str(error):
        return "a quotation mark opens here that nothing closes: was the file cut off?"
    return f"the quotation marks do not fit ({error})"


def _bare_lines(path: Path, file_format: FileFormat) -> Iterator[Row]:
    with open_raw(path, file_format.encoding) as stream:
        for line, text in _checked_lines(path, stream):
            item, comma, title = text.rstrip("\n").removesuffix("\r").partition(",")
            if not comma:
                raise StudyError(
                    f"{path}: line {line}: no comma in {shown(item)}; an id, a comma and a title "
                    "are expected"
                )
            if len(title) > LONGEST_TITLE:
                raise StudyError(
                    f"{path}: line {line}: a title of more than {LONGEST_TITLE} characters; "
                    "shorten it"
                )
            yield line, (item, title)


def _json_rows(path: Path, settings: RawSettings, wanted: Sequence[str]) -> Iterator[Row]:
    columns: dict[str, str] | None = None
    with open_raw(path, settings.titles_format.encoding) as stream:
        for line, text in _checked_lines(path, stream):
            try:
                value = json.loads(text)
            except ValueError as error:
                raise StudyError(f"{path}: line {line}: is no JSON object ({error})") from None
            if not isinstance(value, dict):
                raise StudyError(f"{path}: line {line}: is no JSON object")
            columns = columns or _chosen(path, list(value), settings)
            yield line, [_value(value, columns[what], settings) for what in wanted]


def _parquet_rows(path: Path, names: Sequence[str]) -> Iterator[Row]:
    line = 0
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=list(names)):
            for row in zip(*(batch[name].to_pylist() for name in names), strict=True):
                line += 1
                yield line, [_text_of(value) for value in row]
