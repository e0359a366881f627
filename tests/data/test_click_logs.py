"""Click logs as they are: packed and encoded in many ways, in any order, with cleaning counted."""

import gzip
import io
import json
import re
import tempfile
import tracemalloc
import zipfile
from collections.abc import Iterator
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from microrank import tables
from microrank.data import cleaning, row_store
from microrank.data.cleaning import k_core
from microrank.data.pairs import Interactions
from microrank.data.problems import Problems
from microrank.data.raw_histories import RawHistories
from microrank.data.raw_settings import FileFormat, RawSettings
from microrank.data.row_store import RowStore
from microrank.data.split_raw_files import split_raw_files
from microrank.errors import StudyError

ROWS = [
    ("ann", "B2", 1500000002),
    ("bob", "007", 1500000001),
    ("ann", "B1", 1500000001),
    ("bob", "B1", 1500000003),
    ("ann", "007", 1500000003),
    ("bob", "café", 1500000002),
]
READ = {"ann": ["B1", "B2", "007"], "bob": ["007", "café", "B1"]}
LINES = [f"{user},{item},{time}" for user, item, time in ROWS]
CSV = "\n".join(["userId,itemId,ts", *LINES]) + "\n"


def read(path: Path, settings: RawSettings | None = None) -> dict[str, list[str]]:
    """The histories, users and items as written."""
    interactions = Interactions([path], settings or RawSettings(name="datasets.mine"))
    histories: dict[str, list[str]] = {}
    for portion in interactions.portions():
        users = interactions.names_of_users(portion.users).to_pylist()
        items = interactions.names_of_items(portion.items).to_pylist()
        for user, start, length in zip(users, portion.starts, portion.lengths, strict=True):
            histories[user] = items[start : start + length]
    return histories


def packed(kind: str, content: bytes) -> bytes:
    if kind == "gz":
        return gzip.compress(content[:20]) + gzip.compress(content[20:])
    if kind == "zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("inside/log.csv", content)
            archive.writestr("__MACOSX/._log.csv", b"x")
        return buffer.getvalue()
    if kind == "zst":
        return pa.compress(content, codec="zstd", asbytes=True)
    return content


@pytest.mark.parametrize("kind", ["plain", "gz", "zip"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_packed_log_of_any_encoding_is_read(
    kind: str, encoding: str, end: str, tmp_path: Path
) -> None:
    path = tmp_path / "log"
    path.write_bytes(packed(kind, CSV.replace("\n", end).encode(encoding)))
    assert read(path) == READ


def test_zstandard_is_read(tmp_path: Path) -> None:
    with (
        pa.OSFile(str(tmp_path / "log"), "wb") as file,
        pa.CompressedOutputStream(file, "zstd") as stream,
    ):
        stream.write(CSV.encode())
    assert read(tmp_path / "log") == READ


def as_written(ids: list[str]) -> list[str]:
    """What is kept of a column of ids: 12.0 is 12 where all are numbers."""
    whole = [re.sub(r"^([0-9]+)\.0*$", r"\1", text) for text in ids]
    are_numbers = all(re.fullmatch("0|[1-9][0-9]*", text) and int(text) < 2**63 for text in whole)
    return whole if are_numbers else ids


ID = st.one_of(
    st.integers(0, 2**63 - 1).map(str),
    st.integers(0, 99).map("{:03d}".format),
    st.from_regex(r"\A[0-9xXeE+.-]{1,5}\Z"),
)


@given(
    st.lists(ID, min_size=1, max_size=2, unique=True),
    st.lists(ID, min_size=3, max_size=5, unique=True),
    st.sampled_from(["{}", '"{}"', " {}", '"{} "']),
    st.sampled_from(["{}", '"{}"']),
    st.sampled_from(["\n", "\r\n"]),
)
@example(["0."], ["0", "1", "2"], " {}", "{}", "\n")
@example(["-0"], ["-0", "0", "-007", "-7"], '"{}"', "{}", "\n")
@example(["-1"], ["-01", "1", "2"], "{}", "{}", "\n")
@settings(max_examples=400)
def test_ids_that_a_parser_might_take_for_other_numbers_are_kept_as_written(
    users: list[str], items: list[str], of_ids: str, of_times: str, end: str
) -> None:
    kept_items = list(dict.fromkeys(as_written(items)))
    assume(len(kept_items) >= 3)
    rows = [
        ",".join([of_ids.format(user), of_ids.format(item), of_times.format(time)])
        for time, (user, item) in enumerate(product(users, items))
    ]
    expected = dict.fromkeys(as_written(users), kept_items)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log")
        path.write_text(end.join(["userId,itemId,ts", *rows, ""]))
        assert read(path, RawSettings(repeats="first")) == expected


@pytest.mark.parametrize("user", ["ann", "7"])
@pytest.mark.parametrize("time", ["0x10", '"0X1F"', "1_0", " 0x10"])
def test_a_time_in_another_notation_is_told_with_its_line(
    user: str, time: str, tmp_path: Path
) -> None:
    path = tmp_path / "log"
    path.write_text(f"userId,itemId,ts\n{user},1,5\n{user},2,{time}\n")
    with pytest.raises(StudyError, match=r"no time \(line 3"):
        read(path)


@pytest.mark.parametrize("separator", ["\t", ";", "|", "::", "^", " "])
def test_any_separator_is_read_with_and_without_a_header(separator: str, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(CSV.replace(",", separator))
    told = RawSettings(format=FileFormat(separator=separator))
    assert read(path, told) == READ
    if separator not in "^ ":
        assert read(path) == READ
    path.write_text("".join(f"{line}\n" for line in LINES).replace(",", separator))
    assert read(path, told) == READ


def test_latin_1_is_read_by_name_and_else_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(CSV.encode("latin-1"))
    assert read(path, RawSettings(format=FileFormat(encoding="latin-1"))) == READ
    with pytest.raises(StudyError, match=r"line 7: byte 0xe9 is not UTF-8; save .* or name its"):
        read(path)


@pytest.mark.parametrize("kind", ["plain", "gz", "zip", "zst"])
def test_a_byte_that_is_not_utf8_is_told_with_its_line_whatever_the_file_is_packed_in(
    kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "log"
    rows = CSV.encode() + "bob,café,1,one field too many\n".encode("latin-1")
    path.write_bytes(packed(kind, rows))
    for bad_rows in ("error", "drop"):
        with pytest.raises(StudyError, match=r"line 8: byte 0xe9 is not UTF-8"):
            read(path, RawSettings(bad_rows=bad_rows))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("kind", ["gz", "zip", "zst"])
def test_a_packed_file_that_is_cut_is_told_as_damaged(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "log"
    whole = packed(kind, CSV.encode())
    path.write_bytes(whole[:-9])
    with pytest.raises(StudyError, match="damaged, cannot be unpacked"):
        read(path)


def test_parquet_and_json_lines_are_read(tmp_path: Path) -> None:
    users, items, times = zip(*ROWS, strict=True)
    table = pa.table({"user_id": users, "item_id": items, "timestamp": times})
    pq.write_table(table, tmp_path / "log.parquet")
    assert read(tmp_path / "log.parquet") == READ
    lines = [json.dumps({**row, "more": [1, {"a": 2}]}) for row in table.to_pylist()]
    (tmp_path / "log.json").write_text("\n".join(lines))
    assert read(tmp_path / "log.json") == READ


def test_columns_of_other_names_are_named_in_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(CSV.replace("userId,itemId,ts", "who,what,when"))
    with pytest.raises(StudyError, match=r"line 1: found 'who,what,when'.*datasets\.mine\.columns"):
        read(path)
    columns = {"user": "who", "item": "what", "timestamp": "when"}
    assert read(path, RawSettings(columns=columns)) == READ
    with pytest.raises(StudyError, match=r"has no column 'whom', which .*columns.user names; it"):
        read(path, RawSettings(columns=columns | {"user": "whom"}))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"SQLite format 3\0", "is an SQLite database; save it as csv"),
        (b"\xd0\xcf\x11\xe0", "is an old Excel workbook"),
        (b"\x1f\x8b\x08\x00cut", "damaged, cannot be unpacked"),
        (b"PK\x03\x04cut", "damaged, cannot be unpacked"),
        (b"<html>", "line 1: found '<html>' where the header"),
        (b'{"user": 1', "line 1: begins as JSON lines do, but is no JSON object"),
        (b"PAR1cut", "not a complete parquet file"),
    ],
)
def test_what_is_no_log_is_said_in_one_line(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(content)
    with pytest.raises(StudyError, match=says) as error:
        read(path)
    assert "\n" not in str(error.value)


def test_two_units_of_time_are_an_error_with_a_line_of_each_and_the_setting(
    tmp_path: Path,
) -> None:
    path = tmp_path / "log"
    path.write_text(CSV.replace("1500000003", "1500000003000"))
    with pytest.raises(StudyError) as error:
        read(path)
    said = str(error.value)
    assert "4 in seconds (line 2: '1500000002')" in said
    assert "2 in milliseconds (line 5: '1500000003000')" in said
    assert "datasets.mine.time_unit" in said
    assert read(path, RawSettings(time_unit="s")) == READ


def test_all_problems_of_a_file_are_told_at_once_with_what_settles_each(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(CSV + ",B1,1500000000\nann,B9\nann,B1,1500000009\nann,B7,soon\n")
    settings = RawSettings(name="datasets.mine", repeats="error")
    with pytest.raises(StudyError) as error:
        read(path, settings)
    for told in ("line 9: 'ann,B9'", "line 8: ''", "line 11: 'soon'", "item B1 on lines 4 and 10"):
        assert told in str(error.value)
    for setting in ("bad_rows: drop", "repeats: first"):
        assert setting in str(error.value)
    assert read(path, RawSettings(bad_rows="drop")) == READ


def test_low_ratings_are_left_out_and_counted(tmp_path: Path, caplog) -> None:
    path = tmp_path / "log"
    rated = [f"{line},{4 if place else 1}" for place, line in enumerate(LINES)]
    path.write_text("\n".join(["userId,itemId,ts,rating", *rated, "ann,B5,1500000009,5"]) + "\n")
    assert read(path, RawSettings(min_rating=3))["ann"] == ["B1", "007", "B5"]
    assert "1 interactions are rated below 3" in caplog.text
    path.write_text(CSV)
    with pytest.raises(StudyError, match=r"has no ratings, which .*min_rating needs"):
        read(path, RawSettings(min_rating=3))


PAIRS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, unique=True)


@given(PAIRS, st.integers(2, 3))
def test_the_k_core_is_the_largest_part_in_which_all_have_k(
    pairs: list[tuple[int, int]], k: int
) -> None:
    core = set(pairs)
    while True:
        users = [user for user, _ in core]
        items = [item for _, item in core]
        left = {(u, i) for u, i in core if users.count(u) >= k and items.count(i) >= k}
        if left == core:
            break
        core = left
    wanted = {user for user, _ in core if sum(u == user for u, _ in core) >= 3}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_store, "IN_MEMORY_ROWS", 4)
        folder = Path(tempfile.mkdtemp())
        path = folder / "log"
        path.write_text("user,item\n" + "".join(f"{user},{item}\n" for user, item in pairs))
        if not wanted:
            with pytest.raises(StudyError, match="no user is left"):
                read(path, RawSettings(k_core=k))
            return
        kept = read(path, RawSettings(k_core=k))
    assert {(int(u), int(i)) for u, items in kept.items() for i in items} == {
        (user, item) for user, item in core if user in wanted
    }


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=60), st.integers(2, 20))
def test_rows_come_by_user_time_and_place_whatever_fits_into_memory(
    rows: list[tuple[int, int]], in_memory: int
) -> None:
    lines = np.arange(len(rows))
    users, times = (np.array([row[place] for row in rows], np.int64) for place in (0, 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_store, "IN_MEMORY_ROWS", in_memory)
        with RowStore() as store:
            for start in range(0, len(rows), 3):
                part = slice(start, start + 3)
                store.add(users[part], lines[part], times[part], lines[part])
            parts = [part for part in store.parts() if len(part)]
    together = np.concatenate([np.empty((0, 4), np.int64), *parts])
    assert together[:, 3].tolist() == np.lexsort((lines, times, users)).tolist()
    owners = [set(part[:, 0]) for part in parts]
    assert all(not a & b for a, b in pairwise(owners))


def test_rows_on_disk_take_no_more_memory_however_many_they_are() -> None:
    n_rows, in_memory = 1 << 19, 1 << 14
    users = np.random.default_rng(0).integers(0, n_rows, n_rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_store, "IN_MEMORY_ROWS", in_memory)
        tracemalloc.start()
        try:
            with RowStore() as store:
                for start in range(0, n_rows, in_memory):
                    store.add(*[users[start : start + in_memory]] * 4)
                assert sum(map(len, store.parts())) == n_rows
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < n_rows * 4 * 8 / 3, "all rows are 16 MB"


def test_a_k_core_takes_no_more_memory_however_many_interactions_there_are() -> None:
    n_users, n_portions = 1 << 13, 16

    def portions() -> Iterator[RawHistories]:
        for portion in range(n_portions):
            users = np.arange(n_users) + portion * n_users
            items = np.random.default_rng(portion).integers(0, 99, 8 * n_users)
            yield RawHistories(users, np.full(n_users, 8), items, users)

    settings = RawSettings(k_core=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cleaning, "IN_MEMORY_BYTES", 1 << 16)
        tracemalloc.start()
        try:
            kept = k_core(portions(), settings, Problems(Path("log")))
            n_rows = sum(len(portion.items) for portion in kept)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert n_rows == 8 * n_users * n_portions
    assert peak < n_rows * 8 / 2, "all items are 8 MB"


FILE_ORDER = {"ann": ["B2", "B1", "007"], "bob": ["007", "B1", "café"]}


@pytest.mark.parametrize("name", ["moment", "clicked_at", "n"])
@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_a_column_that_may_hold_the_times_is_asked_about_before_the_files_order_counts(
    tmp_path: Path, name: str, kind: str
) -> None:
    rows = [{"userId": user, "itemId": item, name: time} for user, item, time in ROWS]
    path = tmp_path / "log"
    if kind == "csv":
        path.write_text(CSV.replace(",ts\n", f",{name}\n", 1))
    elif kind == "json":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    with pytest.raises(StudyError) as error:
        read(path)
    assert f"{name!r} (first '1500000002') may be it" in str(error.value)
    assert "datasets.mine.columns: {timestamp: null}" in str(error.value)
    named = RawSettings(name="datasets.mine", columns={"timestamp": name})
    assert read(path, named) == READ
    entry = {"columns": {"timestamp": None}}
    assert read(path, RawSettings.from_config("mine", entry)) == FILE_ORDER


@pytest.mark.parametrize("name", ["place", "lat", "format"])
def test_without_a_column_that_may_hold_times_the_files_order_is_that_of_time(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [f"{user},{item},shop" for user, item, _ in ROWS]
    (tmp_path / "log").write_text("\n".join([f"userId,itemId,{name}", *rows]) + "\n")
    assert read(tmp_path / "log") == FILE_ORDER
    assert "has no column of times: its order is that of time" in caplog.text


def split(tmp_path: Path, titles: str, settings: RawSettings) -> tuple[dict, dict[str, list]]:
    (tmp_path / "log").write_text(CSV)
    (tmp_path / "titles").write_text(titles)
    names = ("train", "valid", "test", "users", "catalogue")
    outputs = {name: str(tmp_path / f"{name}.parquet") for name in names}
    counts = split_raw_files([tmp_path / "log"], tmp_path / "titles", settings, outputs)
    return counts, {name: pq.read_table(outputs[name]).to_pydict() for name in names}


NAMED = "itemId,title,genre\n007,Bond,spy\ncafé,Amélie,\nB2,Two,a\nB9,Nine,b\nB1,One,c\n"


def test_users_items_and_attributes_are_kept_beside_the_splits(tmp_path: Path) -> None:
    counts, made = split(tmp_path, NAMED, RawSettings(attributes=("genre",)))
    assert made["users"] == {"user_id": [1, 2], "user": ["ann", "bob"]}
    assert made["catalogue"]["item"] == ["B2", "007", "B1", "café"]
    assert made["catalogue"]["title"] == ["Two", "Bond", "One", "Amélie"]
    assert made["catalogue"]["genre"] == ["a", "spy", "c", ""]
    assert (counts["titles_without_interaction"], counts["items_without_title"]) == (1, 0)
    assert not [name for name in counts if name.startswith("left_out")]


def test_titles_of_other_ids_are_an_error_that_names_an_id_of_each_file(tmp_path: Path) -> None:
    with pytest.raises(StudyError) as error:
        split(tmp_path, "item,title\nX1,One\nX2,Two\n", RawSettings(name="datasets.mine"))
    assert "4 of 4 items of the interactions have no title, for example item B2" in str(error.value)
    assert "begin with X1" in str(error.value)


def test_many_items_without_a_title_are_warned_of_above_the_share(tmp_path: Path, caplog) -> None:
    titles = "item,title\nB1,One\nB2,Two\n007,Bond\n"
    split(tmp_path, titles, RawSettings(missing_titles=0.3))
    assert "no title" not in caplog.text
    split(tmp_path, titles, RawSettings())
    assert "1 of 4 items of the interactions have no title, for example item café" in caplog.text


def test_an_attribute_that_the_file_lacks_is_told(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"has no column 'brand', which .*attributes names; it"):
        split(tmp_path, NAMED, RawSettings(attributes=("brand",)))


def test_global_time_takes_each_users_first_item_after_each_date(tmp_path: Path, caplog) -> None:
    (tmp_path / "log").write_text("")
    dates = ("2017-07-14T02:40:02Z", "2017-07-14T02:40:03Z")
    caplog.set_level("INFO")
    counts, made = split(tmp_path, NAMED, RawSettings(split="global-time", split_dates=dates))
    names = dict(zip(made["catalogue"]["item_id"], made["catalogue"]["item"], strict=True))
    items = {
        name: [names[item] for item in made[name]["item_id"]] for name in ("train", "valid", "test")
    }
    assert items == {"train": ["B1", "007"], "valid": ["B2", "café"], "test": ["007", "B1"]}
    assert made["test"]["position"] == [2, 2]
    assert counts["left_out_users_by_split_dates"] == 0
    assert "split_dates leave 2 of 2 users" in caplog.text
    late = RawSettings(split="global-time", split_dates=("2018-01-01", "2018-02-01"))
    with pytest.raises(StudyError, match="no user has an interaction before the first date"):
        split(tmp_path, NAMED, late)
    swapped = RawSettings(split="global-time", split_dates=dates[::-1])
    with pytest.raises(StudyError, match="needs two dates, the first of valid and a later one"):
        split(tmp_path, NAMED, swapped)


TIMES = st.lists(st.integers(0, 9), min_size=3, max_size=9)


@given(st.lists(TIMES, min_size=1, max_size=8), st.integers(1, 8), st.integers(1, 8))
def test_nothing_from_a_date_on_trains_what_is_tested_before_it(
    times: list[list[int]], first: int, gap: int
) -> None:
    from microrank.data.splits import by_dates

    lengths = np.array([len(row) for row in times])
    flat = np.concatenate([np.sort(row) for row in times])
    rows = np.arange(len(flat))
    histories = RawHistories(np.arange(len(times)), lengths, rows, rows[: len(times)], flat)
    train, valid, test = (table.to_pydict() for table in by_dates(first, first + gap)(histories))
    assert all(flat[item] < first for item in train["item_id"])
    assert all(first <= flat[item] < first + gap for item in valid["item_id"])
    assert all(flat[item] >= first + gap for item in test["item_id"])
    assert valid["user_id"] == test["user_id"] == sorted(set(train["user_id"]))
    for user, item in zip(test["user_id"], test["item_id"], strict=True):
        start = int(lengths[:user].sum())
        later = [row for row in range(start, start + lengths[user]) if flat[row] >= first + gap]
        assert item == later[0]


def test_old_catalogues_without_written_ids_are_read(tmp_path: Path) -> None:
    old = pa.table({"item_id": [5], "item_index": [1], "title": ["five"], "train_count": [2]}).cast(
        tables.ITEMS
    )
    tables.write_table(old, tmp_path / "items.parquet", tables.ITEMS)
    assert tables.read_catalogue(tmp_path / "items.parquet")["item"].to_pylist() == ["5"]
    assert tables.read_table(tmp_path / "items.parquet", tables.ITEMS).equals(old)
