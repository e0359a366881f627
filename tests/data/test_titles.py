"""Titles from all raw formats: what is read, and what is said of what cannot be."""

import re
from pathlib import Path

import pytest
from microrank.data.titles import read_titles
from microrank.errors import StudyError


@pytest.fixture
def raw(tmp_path: Path):
    def write(content: bytes | str) -> Path:
        path = tmp_path / "titles.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def titles(path: Path) -> dict[int, str]:
    table = read_titles(path)
    items = table["item_id"].to_pylist()
    assert items == sorted(items)
    return dict(zip(items, table["title"].to_pylist(), strict=True))


TRAPS = {
    1: "Gu long song, even three hundred years old # comic",
    2: "",
    3: "3",
    4: "2024",
    5: "[13] the river",
    6: "3.1 ~ the river",
    7: 'he said "no"',
    8: r"pester \n don't",
    9: "🔥 duck 肠 ❤️",
    10: "the river",
    11: "the river",
    12: "x" * 2950,
    9223372036854775807: "last",
}


def bare(traps: dict[int, str]) -> str:
    return "".join(f"{item}, {title}\n" for item, title in traps.items())


def quoted(traps: dict[int, str]) -> str:
    return "".join(
        f'{item},"{title.replace(chr(34), chr(34) * 2)}"\n' for item, title in traps.items()
    )


@pytest.mark.parametrize(
    "text",
    [bare(TRAPS), quoted(TRAPS), "item,title\n" + quoted(TRAPS)],
    ids=["bare", "quoted", "header"],
)
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["", "byte order mark"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_every_form_of_a_file_reads_the_same(raw, text: str, mark: str, end: str) -> None:
    text = mark + text.replace("\n", end)
    assert titles(raw(text)) == TRAPS
    assert titles(raw(text.removesuffix(end))) == TRAPS


def test_bare_lines_keep_quotes_and_commas_as_part_of_the_title(raw) -> None:
    assert titles(raw('1, first\n2, "so, she said"\n3,no space\n')) == {
        1: "first",
        2: '"so, she said"',
        3: "no space",
    }


def test_an_empty_first_title_does_not_hide_the_bare_form(raw) -> None:
    assert titles(raw("1, \n2, a, b\n")) == {1: "", 2: "a, b"}


def test_white_space_at_the_ends_goes_and_line_ends_inside_become_spaces(raw) -> None:
    assert titles(raw('item,title\n1,"  two\r\nlines "\n2,a\tb\n')) == {1: "two lines", 2: "a b"}
    assert titles(raw('1,"next\u0085line\u2028and\x1bescape"\n')) == {1: "next line and escape"}
    assert titles(raw("1, trailing   \n2,  leading\n")) == {1: "trailing", 2: "leading"}


def test_items_need_not_be_in_order(raw) -> None:
    assert list(titles(raw("30, c\n1, a\n200, b\n")).values()) == ["a", "c", "b"]


def test_titles_that_open_with_a_number_and_a_comma_do_not_confuse_the_header_form(raw) -> None:
    assert titles(raw('item,title\n1,"2, 3, go"\n')) == {1: "2, 3, go"}


FAULTS = {
    "": r"the file is empty",
    "\ufeff\r\n": r"the file is empty",
    "item,title\n": r"no titles below the header",
    "id,name\n1,a\n": r"line 1: found 'id,name' where the header 'item,title', or an id",
    "<html>\n": r"line 1: found '<html>' where the header",
    "1, a\nb\n": r"line 2: no comma in 'b'",
    "1, a\n\n2, b\n": r"line 2: no comma in ''",
    "1, a\nx, b\n": r"line 2: item id 'x' is no whole number; ids are whole numbers from 0 to",
    "1, a\n-2, b\n": r"line 2: item id '-2' is negative",
    "1, a\n9223372036854775808, b\n": r"line 2: item id '9223372036854775808' is larger than",
    "1, a\n99999999999999999999999, b\n": r"line 2: item id '9{23}' is larger than",
    "1, a\n, b\n": r"line 2: item id '' is empty",
    "1, a\n3, b\n2, c\n3, d\n": r"line 4: item 3 has a title on line 2 already",
    "1, a\n2, \0\n": r"line 2: there is a NUL byte",
    "1, a\n2, "
    + "b" * 200_000
    + "\n": r"line 2: a title of more than 131072 characters; shorten it",
    "item,title\n1,a\n2,b,c\n": r"line 3: 3 fields where an id and a title are ",
    "item,title\n1,a\n\n2,b\n": r"line 3: the line is blank",
    "item,title\n1,a\n2\n": r"line 3: 1 field",
    'item,title\n1,"two\nlines"\nx,b\n': r"line 4: item id 'x' is no whole number",
    'item,title\n1,a\nx,"two\nlines"\n': r"line 3: item id 'x' is no whole number",
    'item,title\n1,a\n2,"b\n3,c\n': r"line 3: a quotation mark opens here that nothing closes",
    'item,title\n1,a\n2,"b"c\n': r"line 3: the quotation marks do not fit",
    'item,title\n1,a\n2,"'
    + "b" * 200_000
    + '"\n': r"line 3: a title of more than 131072 characters: is a quotation mark missing",
    'item,title\n1,a\n1,"b"\n': r"line 3: item 1 has a title on line 2 already",
}


@pytest.mark.parametrize(("text", "says"), FAULTS.items())
def test_a_fault_is_named_with_its_line_and_value(raw, text: str, says: str) -> None:
    path = raw(text)
    with pytest.raises(StudyError) as error:
        read_titles(path)
    assert re.search(says, str(error.value))
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_bytes_that_are_not_utf_8_are_named(raw) -> None:
    with pytest.raises(StudyError, match=r"line 2: byte 0xe9 is not UTF-8; save the file as UTF-8"):
        read_titles(raw("1, a\n2, café\n".encode("latin-1")))
    with pytest.raises(StudyError, match=r"line 1: byte 0xff is not UTF-8"):
        read_titles(raw("1, a\n".encode("utf-16")))


def test_a_missing_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"absent\.csv: no such file; place it there"):
        read_titles(tmp_path / "absent.csv")
