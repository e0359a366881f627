"""Numbers out of bytes: against Python's own int."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from microrank.data.digit_scanner import (
    MAX_ID,
    NotANumber,
    complaint,
    leading_numbers,
    scan_numbers,
)

IDS = st.one_of(
    st.integers(0, MAX_ID), st.integers(0, 99999), st.sampled_from([0, 9, 10, MAX_ID, MAX_ID - 1])
)


@given(st.lists(st.tuples(IDS, st.sampled_from(b" \t,\nx")), min_size=1))
def test_scan_reads_what_int_reads(tokens: list[tuple[int, int]]) -> None:
    block = b"".join(str(number).encode() + bytes([end]) for number, end in tokens)
    values, separators, ends = scan_numbers(block)
    assert values.tolist() == [number for number, _ in tokens]
    assert separators.tolist() == [end for _, end in tokens]
    assert [block[end] for end in ends] == separators.tolist()


@pytest.mark.parametrize(
    ("block", "offset"),
    [
        (b"1 \n", 2),
        (b" 1\n", 0),
        (b"1 -5\n", 2),
        (b"12 9223372036854775808\n", 22),
        (b"12 9999999999999999999\n", 22),
        (b"12 18446744073709551616\n", 23),
        (b"3 00000000000000000001\n", 22),
    ],
)
def test_scan_says_where_a_token_is_no_number(block: bytes, offset: int) -> None:
    with pytest.raises(NotANumber) as error:
        scan_numbers(block)
    assert error.value.offset == offset


def test_scan_of_nothing_is_nothing() -> None:
    assert [len(column) for column in scan_numbers(b"")] == [0, 0, 0]


def test_leading_zeros_do_not_matter() -> None:
    assert scan_numbers(b"007 0\n")[0].tolist() == [7, 0]


@given(st.lists(st.tuples(IDS, st.sampled_from(["", "\t1 2", ",5,6"])), min_size=1))
def test_leading_numbers_are_those_at_line_starts(lines: list[tuple[int, str]]) -> None:
    block = "".join(f"{number}{rest}\n" for number, rest in lines).encode()
    assert np.array_equal(leading_numbers(block), [number for number, _ in lines])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("-3", "is negative"),
        ("9223372036854775808", "is larger than"),
        ("9" * 500, "is larger than"),
        ("abc", "is no whole number"),
        ("1.5", "is no whole number"),
        ("٣", "is no whole number"),
        ("1\0", "NUL"),
    ],
)
def test_complaints_name_the_fault(text: str, says: str) -> None:
    assert says in (complaint(text) or "")


def test_there_is_no_complaint_about_an_id() -> None:
    assert complaint(str(MAX_ID)) is None
    assert complaint("0") is None
