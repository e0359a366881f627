"""Interactions from both raw formats: what is read, and what is said of what cannot be."""

import re
from pathlib import Path

import pytest
from microrank.data import line_blocks, pairs, row_store
from microrank.data.pairs import iter_histories, read_pairs
from microrank.data.raw_settings import RawSettings
from microrank.errors import StudyError

Histories = dict[int, list[int]]


@pytest.fixture(params=["in memory", "by block"])
def way(request, monkeypatch) -> None:
    """Files are read as small ones, and as large ones."""
    if request.param == "by block":
        monkeypatch.setattr(pairs, "IN_MEMORY_BYTES", 0)
        monkeypatch.setattr(pairs, "USERS_PER_PORTION", 1)
        monkeypatch.setattr(row_store, "IN_MEMORY_ROWS", 2)


@pytest.fixture
def raw(tmp_path: Path):
    def write(content: bytes | str, name: str = "pairs.tsv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def histories(*paths: Path) -> Histories:
    found: Histories = {}
    last = -1
    for portion in iter_histories(paths, RawSettings(name="datasets.mine")):
        table = portion.to_table()
        for user, item, position in zip(
            *(column.to_pylist() for column in table.columns), strict=True
        ):
            assert user >= last
            assert position == len(found.setdefault(user, []))
            found[user].append(item)
            last = user
    return found


def csv(*rows: str, end: str = "\n") -> str:
    return end.join(["user,item,timestamp", *rows, ""])


TSV = "1\t10 20 30\n2\t20 10 40 50\n"
CSV = csv("1,10,1", "1,20,2", "1,30,3", "2,20,1", "2,10,2", "2,40,3", "2,50,4")
READ = {1: [10, 20, 30], 2: [20, 10, 40, 50]}


@pytest.mark.parametrize("text", [TSV, CSV], ids=["tsv", "csv"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("block_bytes", [1, 7, 1 << 20])
@pytest.mark.usefixtures("way")
def test_every_form_of_a_file_reads_the_same(
    raw, monkeypatch, text: str, end: str, block_bytes: int
) -> None:
    monkeypatch.setattr(line_blocks, "BLOCK_BYTES", block_bytes)
    text = text.replace("\n", end)
    for form in (text, "\ufeff" + text, text.removesuffix(end), "\ufeff" + text.removesuffix("\n")):
        assert histories(raw(form)) == READ


def test_the_whole_table_is_sorted_by_user_and_position(raw) -> None:
    table = read_pairs(raw("7\t3 2 1\n5\t9 8 7\n"))
    assert table.to_pydict() == {
        "user_id": [5, 5, 5, 7, 7, 7],
        "item_id": [9, 8, 7, 3, 2, 1],
        "position": [0, 1, 2, 0, 1, 2],
    }


@pytest.mark.parametrize("block_bytes", [1, 20, 1 << 20])
@pytest.mark.usefixtures("way")
def test_rows_in_any_order_are_put_in_the_order_of_time(raw, monkeypatch, block_bytes: int) -> None:
    monkeypatch.setattr(line_blocks, "BLOCK_BYTES", block_bytes)
    rows = ["2,50,4", "1,30,3", "2,20,1", "1,10,1", "2,40,3", "1,20,2", "2,10,2"]
    assert histories(raw(csv(*rows))) == READ
    assert histories(raw(csv(*sorted(rows, key=lambda row: row[0])))) == READ


@pytest.mark.usefixtures("way")
def test_rows_of_one_moment_stay_in_file_order(raw) -> None:
    assert histories(raw(csv("1,9,5", "1,3,5", "1,7,5", "1,1,4"))) == {1: [1, 9, 3, 7]}
    assert histories(raw(csv("2,9,5", "1,8,1", "2,3,5", "1,2,1", "2,7,5", "1,5,1"))) == {
        1: [8, 2, 5],
        2: [9, 3, 7],
    }


def test_the_largest_ids_are_read(raw) -> None:
    largest = 2**63 - 1
    assert histories(raw(f"0\t0 {largest} {largest - 1}\n{largest}\t1 2 3\n")) == {
        0: [0, largest, largest - 1],
        largest: [1, 2, 3],
    }


def test_a_file_that_may_have_been_cut_is_warned_of(raw, caplog) -> None:
    read_pairs(raw("1\t10 20 30\n"))
    assert not caplog.records
    read_pairs(raw("1\t10 20 3"))
    assert "the last line has no line end" in caplog.text


def test_a_line_of_a_million_items_is_read(raw) -> None:
    items = list(range(1_000_000, 2_200_000))
    assert len(line := f"1\t{' '.join(map(str, items))}\n") > 9_000_000
    assert histories(raw(line)) == {1: items}


def message(*paths: Path) -> str:
    with pytest.raises(StudyError) as error:
        histories(*paths)
    text = str(error.value)
    assert "\n" not in text
    assert str(paths[0]) in text
    return text


GOOD = "1\t1 2 3\n"
TSV_FAULTS = {
    "": r"the file is empty",
    "\ufeff": r"the file is empty",
    "user item\n": (
        r"line 1: found 'user item' where the header 'user,item,timestamp' \(csv\) or a user, a tab"
    ),
    "<!DOCTYPE html>\n": r"line 1: found '<!DOCTYPE html>' where",
    "user\titems\n"
    + GOOD: r"line 1: user id 'user' is no whole number; ids are whole numbers from 0 to 92233720",
    GOOD + "2 4 5 6\n": r"line 2: no tab in '2 4 5 6'",
    GOOD + "x7\t4 5 6\n": r"line 2: user id 'x7' is no whole number",
    GOOD + "2\t4 five 6\n": r"line 2: item id 'five' is no whole number",
    GOOD + "2\t4 -5 6\n": r"line 2: item id '-5' is negative",
    GOOD + "-2\t4 5 6\n": r"line 2: user id '-2' is negative",
    GOOD + "2\t4 9223372036854775808 6\n": r"line 2: item id '9223372036854775808' is larger",
    GOOD + f"2\t4 {'7' * 70} 6\n": r"line 2: item id '7{60}' … is larger than",
    GOOD + "2\t4 5\0 6\n": r"line 2: item id '5\\x00' holds a NUL byte",
    GOOD + "2\t4 5 6\n3\t4  5 6\n": r"line 3: the item id is missing in '3\\t4  5 6'",
    GOOD + "2\t4 5 6 \n": r"line 2: the item id is missing",
    GOOD + "\t4 5 6\n": r"line 2: the user id is missing",
    GOOD + "2\t\n": r"line 2: the item id is missing",
    GOOD + "2\t4\t5 6\n": r"line 2: item id '4\\t5' is no whole number",
    GOOD + "\n2\t4 5 6\n": r"line 2: the line is blank",
    GOOD + "2\t4 5 6\n\n": r"line 3: the line is blank",
    GOOD + "2\t4 5\r 6\n": r"line 2: item id '5\\r' is no whole number",
    GOOD + "2 4\t5 6\n": r"line 2: user id '2 4' is no whole number",
    GOOD + "2\t4,5 6\n": r"line 2: item id '4,5' is no whole number",
    GOOD + "2\t4 5 6\n1\t7 8 9\n": r"line 3: user 1 stands on line 1 already",
    GOOD + "1\t7 8 9\n": r"line 2: user 1 stands on line 1 already",
    "1\t2 3\n": r"no user is left to be split: 1 users have fewer than 3 .*user 1 on line 1 has 2",
}
HEADER = "user,item,timestamp\n"
CSV_FAULTS = {
    HEADER: r"no rows below the header",
    HEADER + "1,2\n": r"1 rows do not have 3 fields \(line 2: '1,2'\): mend them, or leave",
    HEADER + "1,2,3,4\n": r"1 rows do not have 3 fields \(line 2: '1,2,3,4'\)",
    HEADER + "1,2,3\n1,4": r"1 rows do not have 3 fields \(line 3: '1,4'\)",
    HEADER + "1,2,3\n1,4,soon\n": r"1 rows have a timestamp that is no time \(line 3: 'soon'\)",
    HEADER + "1,2,3\n1,4,\n1,5,x\n1,6,y": r"3 rows have a .* \(line 3: '', line 4: 'x'\)",
    HEADER + "1,2,-3\n": r"1 rows have a timestamp that is no time \(line 2: '-3'\)",
    HEADER + ",2,3\n": r"1 rows have a user that is missing, too long or no text \(line 2: ''\)",
    HEADER + "1,2\0,3\n": r"1 rows have a item that is missing, .* \(line 2: '2\\x00'\)",
    HEADER + f"1,{'7' * 2000},3\n": r"1 rows have a item that is missing, .* \(line 2: '7{40}' …\)",
    HEADER + "1,2,3\n1,4,5\n": r"no user is left .*: 1 users have fewer .*user 1 on line 2 has 2",
    HEADER + "1,2,5\n1,4,3\n": r"user 1 on line 2 has 2",
    HEADER + "1,2\n,5,6\n1,3,soon\n": (
        r"1 rows do not have 3 fields \(line 2: .*1 rows have a user that .*1 rows have a timestamp"
    ),
}


@pytest.mark.parametrize(("text", "says"), [*TSV_FAULTS.items(), *CSV_FAULTS.items()])
@pytest.mark.parametrize("block_bytes", [1, 1 << 20], ids=["small blocks", ""])
@pytest.mark.usefixtures("way")
def test_a_fault_is_named_with_its_line_and_value(
    raw, monkeypatch, text: str, says: str, block_bytes: int
) -> None:
    monkeypatch.setattr(line_blocks, "BLOCK_BYTES", block_bytes)
    assert re.search(says, message(raw(text)))


def test_a_missing_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    assert message(tmp_path / "absent.tsv").endswith(
        "absent.tsv: no such file; place it there, or correct its path in config.yaml"
    )


def test_a_folder_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    assert "cannot be read (Is a directory)" in message(tmp_path)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_read_by_its_byte_order_mark_and_else_told(raw, encoding: str) -> None:
    path = raw(CSV.encode(encoding))
    if encoding == "utf-16":
        assert histories(path) == READ
    else:
        assert "where the header" in message(path)


@pytest.mark.usefixtures("way")
def test_users_with_fewer_than_three_items_are_left_out_and_counted(raw, caplog) -> None:
    assert histories(raw(TSV + "3\t4 5\n4\t6\n")) == READ
    assert histories(raw(CSV + "3,4,5\n3,5,6\n4,6,1\n")) == READ
    assert caplog.text.count("2 users have fewer than 3 interactions") == 2
    assert "user 3 on line 3 has 2" in caplog.text
    assert "datasets.mine.min_interactions" in caplog.text


@pytest.mark.usefixtures("way")
def test_of_repeated_pairs_the_first_is_kept_unless_the_settings_say_otherwise(raw, caplog) -> None:
    path = raw(csv("1,10,1", "1,20,2", "1,30,3", "1,10,4", "1,40,5"))
    assert histories(path) == {1: [10, 20, 30, 40]}
    assert "1 interactions repeat a user and an item" in caplog.text
    assert "user 1 and item 10 on lines 2 and 5" in caplog.text
    last = iter_histories([path], RawSettings(repeats="last"))
    assert [portion.items.tolist() for portion in last] == [[20, 30, 10, 40]]
    with pytest.raises(StudyError, match=r"on lines 2 and 5\): choose which to keep by `datasets"):
        list(iter_histories([path], RawSettings(repeats="error")))
    assert histories(raw("1\t5 6 5 7\n")) == {1: [5, 6, 7]}


def test_tsv_and_csv_of_the_same_interactions_agree(raw) -> None:
    assert histories(raw(TSV), raw(CSV, "pairs.csv")) == READ
    assert histories(raw(CSV, "pairs.csv"), raw(TSV)) == READ


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (
            [1, 2, 3, 4, 6, 5, 7],
            r"user 2 has items 20 10 40 50 \(line 2\) in the first and items 20 40 10 50",
        ),
        (
            [1, 2, 3, 4, 5, 6],
            r"user 2 has items 20 10 40 50 \(line 2\) in the first and items 20 10 40 \(line 5\)",
        ),
        (
            [1, 2, 3],
            r"user 2 has items 20 10 40 50 \(line 2\) in the first and no items in the second",
        ),
        (
            [4, 5, 6, 7],
            r"user 1 has items 10 20 30 \(line 1\) in the first and no items in the second",
        ),
        (
            [2, 1, 3, 5, 4, 6, 7],
            r"user 1 has items 10 20 30 \(line 1\) in the first and items 20 10 30 \(line 2\)",
        ),
    ],
    ids=["order", "length", "last user", "first user", "two users"],
)
def test_files_that_disagree_are_told_with_the_first_user_who_differs(
    raw, rows: list[int], says: str
) -> None:
    lines = CSV.splitlines()
    timed = [f"{lines[row].rpartition(',')[0]},{time}" for time, row in enumerate(rows)]
    text = message(raw(TSV), raw(csv(*timed), "pairs.csv"))
    assert "pairs.csv disagree" in text
    assert re.search(says, text)


def test_a_user_that_only_the_second_file_has_is_a_difference(raw) -> None:
    assert "user 0 has no items in the first" in message(
        raw(TSV), raw("0\t1 2 3\n" + TSV, "more.tsv")
    )
    assert "user 9 has no items in the first" in message(
        raw(TSV), raw(TSV + "9\t1 2 3\n", "more.tsv")
    )
