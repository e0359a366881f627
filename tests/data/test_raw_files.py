"""Raw files of every shape: they are split rightly, or the message names the line."""

import csv
import re
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from microrank.data import line_blocks, pairs, row_store
from microrank.data.ids import IdSpace
from microrank.data.pairs import Interactions
from microrank.data.splits import split_interactions
from microrank.data.titles import read_titles
from microrank.errors import StudyError

WHOLE_FILE = (
    "the file is empty",
    "no rows below the header",
    "no titles below the header",
    "no user",
    "save it as csv",
    "damaged",
    "files (",
)

# Mostly right, now and then wrong: ids, separators and line ends of damaged or foreign programs.
NUMBER = st.one_of(
    st.integers(0, 12).map(str), st.integers(0, 12).map(str), st.integers(0, 2**64).map(str)
)
ODD = st.sampled_from(["", "-1", "x", "1.5", "\0", "é", '"3"', " 4", "9" * 25, "٣", "1e3", "0x1"])
SEPARATOR = st.sampled_from([" ", " ", " ", "  ", "\t", ","])
END = st.sampled_from(["\n", "\n", "\n", "\r\n", "\r", "\n\n", ""])


@st.composite
def tsv_files(draw: st.DrawFn) -> tuple[str, dict[int, list[int]] | None]:
    """Text, and what it says if it is right."""
    users = draw(st.lists(st.integers(0, 40), min_size=1, max_size=8, unique=True))
    histories = {
        user: draw(st.lists(st.integers(0, 50), min_size=3, max_size=8, unique=True))
        for user in users
    }
    end = draw(st.sampled_from(["\n", "\r\n"]))
    text = "".join(f"{user}\t{' '.join(map(str, items))}{end}" for user, items in histories.items())
    return draw(st.sampled_from(["", "\ufeff"])) + (
        text if draw(st.booleans()) else text.removesuffix(end)
    ), histories


@st.composite
def csv_files(draw: st.DrawFn) -> tuple[str, dict[int, list[int]]]:
    pairs = draw(
        st.lists(
            st.tuples(st.integers(0, 3), st.integers(0, 9)), min_size=1, max_size=40, unique=True
        )
    )
    kept = [pair for pair in pairs if sum(user == pair[0] for user, _ in pairs) >= 3]
    rows = [(user, item, draw(st.integers(0, 3))) for user, item in kept] or [
        (0, item, 0) for item in range(3)
    ]
    histories: dict[int, list[int]] = {}
    for user, item, _ in sorted(rows, key=lambda row: (row[0], row[2])):
        histories.setdefault(user, []).append(item)
    end = draw(st.sampled_from(["\n", "\r\n"]))
    return end.join(["user,item,timestamp", *(",".join(map(str, row)) for row in rows)]) + draw(
        st.sampled_from(["", end])
    ), histories


@st.composite
def damaged(draw: st.DrawFn, good: st.SearchStrategy[tuple[str, object]]) -> bytes:
    """A good file after a few accidents."""
    text = draw(good)[0].encode()
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text)))
        accident = draw(st.sampled_from(["insert", "remove", "cut", "swap", "repeat"]))
        if accident == "insert":
            piece = draw(
                st.one_of(NUMBER, ODD, SEPARATOR, END).map(str.encode)
                | st.binary(min_size=1, max_size=3)
            )
            text = text[:at] + piece + text[at:]
        elif accident == "remove":
            text = text[:at] + text[at + draw(st.integers(1, 5)) :]
        elif accident == "cut":
            text = text[:at]
        else:
            lines = text.splitlines(keepends=True)
            if lines:
                where = draw(st.integers(0, len(lines) - 1))
                lines.insert(
                    draw(st.integers(0, len(lines))),
                    lines[where] if accident == "repeat" else lines.pop(where),
                )
            text = b"".join(lines)
    return text


GARBAGE = st.one_of(
    st.binary(max_size=200),
    st.lists(st.one_of(NUMBER, ODD, SEPARATOR, END), max_size=60).map(
        lambda parts: "".join(parts).encode()
    ),
    st.lists(st.one_of(NUMBER, ODD, SEPARATOR, END), max_size=60).map(
        lambda parts: b"user,item,timestamp\n" + "".join(parts).encode()
    ),
)


def split_file(raw: bytes) -> dict[str, list[str]] | str:
    """The histories that the splits hold together, once they are checked; or the message."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pairs")
        path.write_bytes(raw)
        parts: dict[str, list[pa.Table]] = {"train": [], "valid": [], "test": []}
        interactions = Interactions([path])
        try:
            counts = split_interactions(
                interactions.portions(), lambda name, table: parts[name].append(table)
            )
        except StudyError as error:
            return _checked_message(str(error), path)
    histories: dict[int, list[int]] = {}
    for name, tables in parts.items():
        for row in pa.concat_tables(tables).to_pylist():
            # nothing of the future before the past
            assert row["position"] == len(histories.setdefault(row["user_id"], [])), name
            histories[row["user_id"]].append(row["item_id"])
    users = [len(pa.concat_tables(parts[name])["user_id"].unique()) for name in parts]
    assert users == [len(histories)] * 3
    assert sum(len(table) for table in parts["test"]) == counts.n_users == len(histories)
    assert all(len(set(items)) == len(items) for items in histories.values())
    return {
        _written(interactions.users, [user])[0]: _written(interactions.items, items)
        for user, items in histories.items()
    }


def _written(ids: IdSpace, numbers: list[int]) -> list[str]:
    return ids.texts_of(np.array(numbers, np.int64)).to_pylist()


def _checked_message(message: str, path: Path) -> str:
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert "\0" not in message
    assert len(message) < 1500
    assert re.search(r"line \d+|cannot be parsed", message) or any(
        words in message for words in WHOLE_FILE
    )
    return message


@given(st.one_of(tsv_files(), csv_files()), st.sampled_from([1, 30, 1 << 20]))
@settings(max_examples=300)
def test_a_right_file_is_split_and_nothing_is_lost(
    file: tuple[str, dict[int, list[int]]], block_bytes: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_blocks, "BLOCK_BYTES", block_bytes)
        patch.setattr(pairs, "IN_MEMORY_BYTES", block_bytes)
        patch.setattr(row_store, "IN_MEMORY_ROWS", max(2, block_bytes))
        assert split_file(file[0].encode()) == as_texts(file[1])


any_file = given(
    st.one_of(damaged(tsv_files()), damaged(csv_files()), GARBAGE), st.sampled_from([1, 1 << 20])
)


@any_file
@settings(max_examples=800)
def test_any_file_is_split_rightly_or_its_line_is_named(raw: bytes, block_bytes: int) -> None:
    _split_rightly_or_named(raw, block_bytes)


@pytest.mark.soak
@any_file
@settings(max_examples=50_000)
def test_fifty_thousand_files_are_split_rightly_or_their_line_is_named(
    raw: bytes, block_bytes: int
) -> None:
    _split_rightly_or_named(raw, block_bytes)


def _split_rightly_or_named(raw: bytes, block_bytes: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_blocks, "BLOCK_BYTES", block_bytes)
        patch.setattr(pairs, "IN_MEMORY_BYTES", block_bytes)
        patch.setattr(row_store, "IN_MEMORY_ROWS", max(2, block_bytes))
        found = split_file(raw)
    if isinstance(found, dict) and (by_hand := read_by_hand(raw)) is not None:
        assert found == by_hand


def as_texts(histories: dict[int, list[int]]) -> dict[str, list[str]]:
    return {str(user): list(map(str, items)) for user, items in histories.items()}


def read_by_hand(raw: bytes) -> dict[str, list[str]] | None:
    """The plain way, for the two forms of MicroLens; None for files of other forms."""
    text = raw.decode("utf-8-sig").replace("\r\n", "\n").removesuffix("\r").removesuffix("\n")
    lines = text.split("\n")
    rows: list[tuple[str, str, float]] = []
    if lines[0] == "user,item,timestamp":
        rest = "\n".join(lines[1:]).replace("\r", "\n").split("\n")  # old Macs' line ends, too
        fields = [next(csv.reader([line])) for line in rest if line]
        if any(float(field[2]) > 1e17 for field in fields):
            return None  # of which the last digits are lost
        users, items = (plain_ids([field[place].strip() for field in fields]) for place in (0, 1))
        times = [float(field[2]) for field in fields]
        rows = sorted(zip(users, items, times, strict=True), key=lambda row: row[2])
    elif len(lines[0].split("\t")) == 2:
        for place, (user, items) in enumerate(line.split("\t") for line in lines):
            rows += [(str(int(user)), str(int(item)), place) for item in items.split(" ")]
    else:
        return None
    histories: dict[str, list[str]] = {}
    for user, item, _ in rows:
        history = histories.setdefault(user, [])
        history += [item] if item not in history else []
    return {user: history for user, history in histories.items() if len(history) >= 3}


def plain_ids(ids: list[str]) -> list[str]:
    """12.0 is 12 where all ids are numbers."""
    whole = [re.sub(r"^([0-9]+)\.0*$", r"\1", text) for text in ids]
    are_numbers = all(re.fullmatch(r"0|[1-9][0-9]*", text) and int(text) < 2**63 for text in whole)
    return whole if are_numbers else ids


@given(
    st.one_of(
        st.binary(max_size=200),
        st.lists(
            st.one_of(
                NUMBER, ODD, SEPARATOR, END, st.text(max_size=5), st.just('"'), st.just(", ")
            ),
            max_size=60,
        ).map(lambda parts: "".join(parts).encode("utf-8", errors="surrogatepass")),
    ),
    st.sampled_from([b"", b"item,title\n", b"1, a\n", b'7,"b"\n']),
)
@settings(max_examples=800)
def test_any_titles_are_read_or_their_line_is_named(raw: bytes, start: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "titles")
        path.write_bytes(start + raw)
        try:
            table = read_titles(path)
        except StudyError as error:
            _checked_message(str(error), path)
            return
    items = table["item_id"].to_pylist()
    assert items == sorted(set(items))
    assert all(
        title is not None and title == title.strip() and "\n" not in title
        for title in table["title"].to_pylist()
    )


LONG = 10_000_000


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"user,item,timestamp\n1,{'9' * LONG},3\n", 2),
        (f"user,item,timestamp\n1,2,3\n{'x' * LONG}\n", 3),
        (f"user,item,timestamp\n1,2,3{',' * LONG}\n", 2),
        (f"user,item,timestamp{',' * LONG}\n1,2,3\n", 1),
    ],
    ids=["id", "letters", "commas", "header"],
)
def test_a_csv_line_of_ten_megabytes_is_named_in_a_short_message(text: str, line: int) -> None:
    message = split_file(text.encode())
    assert isinstance(message, str)
    assert f"line {line}: " in message


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f'item,title\n1,"{"y" * LONG}"\n', 2),
        (f'item,title\n1,a\n2,"{"y" * LONG}\n', 3),
        (f"item,title\n{'9' * LONG},a\n", 2),
        (f"item,title\n1,a{',' * LONG}\n", 2),
        (f"1, {'y' * LONG}\n", 1),
    ],
    ids=["title", "no closing quote", "id", "commas", "bare"],
)
def test_a_line_of_titles_of_ten_megabytes_is_named_in_a_short_message(
    text: str, line: int, tmp_path: Path
) -> None:
    (tmp_path / "titles").write_text(text)
    with pytest.raises(StudyError, match=f": line {line}: ") as error:
        read_titles(tmp_path / "titles")
    _checked_message(str(error.value), tmp_path / "titles")
