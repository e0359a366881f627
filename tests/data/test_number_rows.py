"""Rows of plain whole numbers: read as any parser reads them, or refused."""

import io
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from microrank.data.number_rows import (
    DIGITS,
    NoNumbers,
    begins_with_minus,
    begins_with_zero,
    whole_number_rows,
)
from microrank.data.row_store import order_of

NUMBER = st.integers(0, 2**63 - 1)


def read(text: str, separator: str = ",", n_columns: int = 3, n_header_lines: int = 0) -> list:
    stream = io.BytesIO(text.encode())
    parts = whole_number_rows(stream, separator, n_columns, n_header_lines)
    return [row for values, _ in parts for row in values.tolist()]


@given(
    st.lists(st.tuples(NUMBER, NUMBER, NUMBER), min_size=1, max_size=30),
    st.sampled_from([",", "\t", ";", "|"]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_rows_come_back_as_they_were_written(
    rows: list[tuple[int, ...]], separator: str, end: str, is_ended: bool
) -> None:
    text = end.join(separator.join(map(str, row)) for row in rows) + (end if is_ended else "")
    assert read(f"a{separator}b{end}{text}", separator, n_header_lines=1) == [*map(list, rows)]


@pytest.mark.parametrize(
    "text",
    [
        "1,2,03\n",
        "01,2,3\n",
        "1,00,3\n",
        "1,2,3.0\n",
        "1,2,x\n",
        "1,,3\n",
        "1,2\n3,4,5\n",
        "1,2,3,4\n",
        "1,2,3\n\n4,5,6\n",
        "1,2;3\n",
        "1,2,-3\n",
        "1,2,9223372036854775808\n",
        "1,2 ,3\n",
    ],
)
def test_what_is_anything_else_is_refused(text: str) -> None:
    with pytest.raises(NoNumbers):
        read(text)


def test_a_zero_is_no_leading_zero() -> None:
    assert read("0,10,100\n5,0,0\n") == [[0, 10, 100], [5, 0, 0]]
    assert not begins_with_zero(b"\n0,10,0\n", b",", DIGITS)
    assert begins_with_zero(b"\n0,01,0\n", b",", DIGITS)


def test_a_minus_counts_where_a_field_begins_alone() -> None:
    assert begins_with_minus(b"\n-0,1\n", b",")
    assert begins_with_minus(b'\n1,"-7"\n', b",")
    assert not begins_with_minus(b"\n2020-01-05,1\n", b",")


@given(
    st.lists(st.lists(st.from_regex(r"\A[0-9xX.]{1,4}\Z"), min_size=1, max_size=4), min_size=1),
    st.sampled_from([b",", b"\t", b"|"]),
    st.sampled_from([b"", b" ", b'"', b' "']),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
)
def test_fields_that_begin_with_a_zero_are_found(
    rows: list[list[str]], separator: bytes, before: bytes, end: bytes
) -> None:
    lines = [separator.join(before + field.encode() for field in row) for row in rows]
    expected = any(re.match("0[0-9]", field) for row in rows for field in row)
    assert begins_with_zero(b"\n" + end.join(lines) + end, separator, DIGITS) == expected


TIMES = st.sampled_from([0, 1, 2**40, 2**62])


@given(st.lists(st.tuples(st.integers(0, 3) | NUMBER, TIMES), min_size=1))
def test_rows_are_sorted_by_user_and_time_and_equal_ones_stay_as_they_are(
    rows: list[tuple[int, int]],
) -> None:
    users, times = np.array(rows, np.int64).T
    assert order_of(users, times).tolist() == np.lexsort((times, users)).tolist()
