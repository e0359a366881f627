"""Ids of any kind: the numbers that they get, and the texts that they give back."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from microrank.data.ids import DECIMAL, TEXT, IdSpace, OtherKind
from microrank.data.text_numbers import TextNumbers
from microrank.data.written_ids import WrittenIds

TEXTS = st.lists(st.text(min_size=1, max_size=20) | st.integers(0, 9).map(str), max_size=40)


@given(st.lists(TEXTS, max_size=4))
def test_texts_get_numbers_in_the_order_in_which_they_appear(batches: list[list[str]]) -> None:
    numbers, known = TextNumbers(), dict[str, int]()
    for batch in batches:
        wanted = [known.setdefault(text, len(known)) for text in batch]
        assert numbers.add(pa.array(batch, pa.string())).tolist() == wanted
    assert numbers.texts.to_pylist() == list(known)
    asked = [*known, "never met before, at all"]
    assert numbers.find(pa.array(asked, pa.string())).tolist() == [*known.values(), -1]


def test_a_hundred_thousand_texts_are_all_told_apart_and_slices_are_read() -> None:
    texts = pa.array([f"user-{number:x}" for number in range(100_000)])
    numbers = TextNumbers()
    assert numbers.add(texts.slice(50_000)).tolist() == list(range(50_000))
    assert numbers.add(texts).tolist() == [*range(50_000, 100_000), *range(50_000)]


@pytest.mark.parametrize(
    ("written", "kind", "shown"),
    [
        (["12", "0", "9223372036854775807"], 0, ["12", "0", "9223372036854775807"]),
        (["12.0", "7"], DECIMAL, ["12", "7"]),
        (["12.0", "B7"], TEXT, ["12.0", "B7"]),
        (["007", "7"], TEXT, ["007", "7"]),
        (["-1", "1"], TEXT, ["-1", "1"]),
        (["9223372036854775808"], TEXT, ["9223372036854775808"]),
        ([" a", "a "], TEXT, ["a", "a"]),
        (["3f2b-9c", "3f2b-9d"], TEXT, ["3f2b-9c", "3f2b-9d"]),
    ],
)
def test_the_first_kind_that_holds_all_ids_gives_them_back_as_written(
    written: list[str], kind: int, shown: list[str]
) -> None:
    for tried in range(kind):
        with pytest.raises(OtherKind):
            IdSpace(tried).numbers_of(pa.array(written))
    ids = IdSpace(kind)
    numbers = ids.numbers_of(pa.array(written))
    assert ids.texts_of(numbers).to_pylist() == shown
    if kind == TEXT:
        assert ids.find(pa.array(["no such id"])).tolist() == [-1]
        assert ids.find(pa.array(written)).tolist() == numbers.tolist()


def test_numbers_of_parquet_and_pandas_are_ids_too() -> None:
    assert IdSpace().numbers_of(pa.array([3, 1])).tolist() == [3, 1]
    assert IdSpace().numbers_of(pa.array([3.0, 1.0])).tolist() == [3, 1]
    with pytest.raises(OtherKind):
        IdSpace().numbers_of(pa.array([3.5]))


def test_ids_of_another_file_are_found_by_value_among_numbers_and_by_text_among_texts() -> None:
    assert IdSpace().find(pa.array(["7.0", "x", None])).tolist() == [7, -1, -1]
    users = WrittenIds(np.array([4, 9]))
    assert users.find(pa.array(["9", "4.0", "5"])).tolist() == [9, 4, -1]
    named = WrittenIds(np.array([1, 2]), pa.array(["ann", "12.0"]))
    assert named.find(pa.array(["12.0", "12", " ann"])).tolist() == [2, -1, 1]
    assert named.text_of(2) == "12.0"
