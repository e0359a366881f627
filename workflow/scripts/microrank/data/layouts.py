"""What a raw file of interactions looks like: told from its first line and the settings."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from microrank.data.line_blocks import shown
from microrank.data.parquet_rows import is_parquet, names_in_lists, parquet_names
from microrank.data.raw_settings import FileFormat
from microrank.data.raw_source import open_raw
from microrank.errors import StudyError

SEPARATORS = ("\t", "::", ",", ";", "|")
FIRST_BYTES = 1 << 16
# Usual names of columns, in lower case; where a file has several, the first of these is taken.
KNOWN = {
    "user": "user user_id userid uid reviewer_id reviewerid customer_id customerid visitorid",
    "item": (
        "item item_id itemid iid movie_id movieid video_id videoid book_id bookid business_id "
        "parent_asin asin product_id productid sku article_id track_id song_id news_id"
    ),
    "timestamp": (
        "timestamp ts unixreviewtime event_time time datetime created_at date date_added"
    ),
    "rating": "rating stars score overall",
    "title": (
        "title name movie_title video_title book_title product_title item_name headline caption"
    ),
    "rank": "rank",
    "score": "score prediction predicted_rating",
}
HEADERLESS = {  # number of fields -> names, where the last ones are numbers
    3: ("user", "item", "timestamp"),
    4: ("user", "item", "rating", "timestamp"),
}


@dataclass(frozen=True)
class Layout:
    """Where a file keeps what.

    Attributes:
        kind: `lists` (user, tab, items), `rows` (separated fields), `json` (lines) or `parquet`.
        separator: of `rows`.
        names: of `rows`, all columns in the file's order.
        n_header_lines: of `rows`, 0 or 1.
        columns: what is wanted (`user`, `item`, …) -> name of its column.
    """

    kind: str
    separator: str = ""
    names: tuple[str, ...] = ()
    n_header_lines: int = 0
    columns: Mapping[str, str] = ()  # type: ignore[assignment]


def find_layout(
    path: Path,
    file_format: FileFormat,
    wanted: Mapping[str, str],
    *,
    needed: Sequence[str],
    optional: Sequence[str],
    setting: str,
    has_header: bool = False,
) -> Layout:
    """Tell the layout of a file.

    Args:
        path: the file.
        file_format: what the settings say of it.
        wanted: the settings' names of columns: `user` -> `userId`.
        needed: what the file must have a column for.
        optional: what it may have a column for.
        has_header: whether a file without a header is refused.
        setting: the key of those names, for messages, such as `datasets.mine.columns`.

    Raises:
        StudyError: the file has no column for something that is needed.
    """

    def chosen(names: Sequence[str]) -> dict[str, str]:
        return choose_columns(
            path, names, wanted, needed=needed, optional=optional, setting=setting
        )

    if is_parquet(path):
        everything = [*parquet_names(path), *names_in_lists(path)]
        return Layout("parquet", columns=chosen(everything))
    first_line = first_lines(path, file_format, 1)[0]
    if first_line.lstrip().startswith("{"):
        return Layout("json", columns=chosen(list(read_json_object(path, first_line))))
    separator = file_format.separator or separator_of(first_line)
    fields = [plain_name(field) for field in first_line.split(separator)] if separator else []
    if file_format.header:
        return Layout("rows", separator, file_format.header, 0, chosen(file_format.header))
    is_list = separator == "\t" and len(fields) == 2 and not _has_all(fields, wanted, needed)
    if len(fields) > 1 and not is_list and _is_header(fields, wanted, needed):
        return Layout("rows", separator, tuple(fields), 1, chosen(fields))
    if is_list:
        return Layout("lists")
    if (
        not has_header
        and len(fields) in HEADERLESS
        and all(_is_number(text) for text in fields[2:])
    ):
        names = HEADERLESS[len(fields)]
        return Layout("rows", separator, names, 0, chosen(names))
    raise StudyError(
        f"{path}: line 1: found {shown(first_line)} where the header 'user,item,timestamp' (csv) "
        "or a user, a tab and items separated by spaces (tsv) is expected; name other columns as "
        f"{setting}: {{user: …, item: …, timestamp: …}}"
    )


def choose_columns(
    path: Path,
    names: Sequence[str],
    wanted: Mapping[str, str],
    *,
    needed: Sequence[str],
    optional: Sequence[str] = (),
    setting: str = "",
) -> dict[str, str]:
    """Find the column of each of `needed` and `optional` among `names`.

    Raises:
        StudyError: there is none for one of `needed`, or one that the settings name is missing.
    """
    chosen: dict[str, str] = {}
    for what in (*needed, *optional):
        name = wanted.get(what) or _known_name(what, names)
        if name in names:
            chosen[what] = str(name)
        elif what in wanted and (what in needed or what != "timestamp"):
            raise StudyError(
                f"{path}: has no column {wanted[what]!r}, which {setting}.{what} names; it has "
                f"{_listed(names)}"
            )
        elif what in needed:
            raise StudyError(
                f"{path}: line 1: no column for the {what} among {_listed(names)}; name it as "
                f"{setting}: {{{what}: …}}"
            )
    return chosen


def plain_name(field: str) -> str:
    """The name of a column without quotation marks and RecBole's type (`user_id:token`)."""
    return field.strip().strip('"').partition(":")[0].strip()


def _known_name(what: str, names: Sequence[str]) -> str | None:
    by_lower = {name.lower(): name for name in reversed(names)}
    return next((by_lower[known] for known in KNOWN[what].split() if known in by_lower), None)


def _is_header(fields: Sequence[str], wanted: Mapping[str, str], needed: Sequence[str]) -> bool:
    known = {name for what in needed for name in KNOWN[what].split()}
    return any(field in wanted.values() or field.lower() in known for field in fields)


def _has_all(fields: Sequence[str], wanted: Mapping[str, str], needed: Sequence[str]) -> bool:
    return all((wanted.get(what) or _known_name(what, fields)) in fields for what in needed)


def first_lines(path: Path, file_format: FileFormat, number: int) -> list[str]:
    """Return the file's first `number` lines, or all where it has fewer.

    Raises:
        StudyError: the file is empty.
    """
    with open_raw(path, file_format.encoding) as stream:
        start = stream.read(FIRST_BYTES)
    if not start.strip():
        raise StudyError(
            f"{path}: the file is empty; delete it and fetch it again, or place the right one there"
        )
    lines = start.split(b"\n")[:number]
    return [line.removesuffix(b"\r").decode("utf-8", errors="backslashreplace") for line in lines]


def separator_of(line: str) -> str:
    """The first of the usual separators that the line holds; empty where there is none."""
    return next((separator for separator in SEPARATORS if separator in line), "")


def read_json_object(path: Path, line: str) -> Mapping[str, object]:
    """The object in a line of JSON.

    Raises:
        StudyError: it holds none.
    """
    try:
        value = json.loads(line)
    except ValueError as error:
        raise StudyError(
            f"{path}: line 1: begins as JSON lines do, but is no JSON object ({error}); write one "
            "object a line"
        ) from None
    return value if isinstance(value, dict) else {}


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _listed(names: Sequence[str]) -> str:
    return shown(", ".join(names), 200)
