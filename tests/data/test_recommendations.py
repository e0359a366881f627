"""Lists of the user's own: taken as they are, or refused with one line that says why."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from microrank import tables
from microrank.data import recommendations, row_store
from microrank.data.written_ids import WrittenIds
from microrank.errors import StudyError

K = 3
USERS = np.array([5, 7, 2**62])
ITEMS = pa.table(
    {
        "item_id": range(10, 30),
        "item_index": range(1, 21),
        "title": [""] * 20,
        "train_count": [1] * 20,
    }
).cast(tables.ITEMS)


def take_recommendations(
    path: Path, k: int, items: pa.Table, users: np.ndarray, past: list[pa.Table] | None = None
) -> pa.Table:
    """All lists of a file, of users and items whose ids are the tables' own."""
    known = WrittenIds(items["item_id"].to_numpy()), WrittenIds(users)
    return pa.concat_tables(recommendations.take_recommendations(path, k, *known, past or []))


def lists(**changed: list) -> pa.Table:
    columns = {
        "user_id": np.repeat(USERS, K).tolist(),
        "rank": [1, 2, 3] * 3,
        "item_id": [10, 11, 12, 12, 11, 10, 29, 28, 27],
    }
    return pa.table(columns | changed)


def write(table: pa.Table, path: Path) -> Path:
    (pq.write_table if path.suffix == ".parquet" else pyarrow.csv.write_csv)(table, path)
    return path


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_both_forms_give_the_same_table_whatever_the_order_of_rows_and_further_columns(
    tmp_path: Path, ending: str
) -> None:
    table = lists(score=[3.0, 2, 1] * 3, source=["x"] * 9)
    shuffled = table.take(np.random.default_rng(0).permutation(9))
    taken = take_recommendations(write(shuffled, tmp_path / f"lists.{ending}"), K, ITEMS, USERS)
    assert taken.schema.equals(tables.RECOMMENDATIONS)
    assert (
        taken.to_pydict()
        == table.drop_columns("source").select(["user_id", "rank", "item_id", "score"]).to_pydict()
    )


def as_lenskit(table: pa.Table) -> pa.Table:
    """One row a user, as lenskit 2025 writes it; its `layout="flat"` is the table itself."""
    inner = pa.StructArray.from_arrays(
        [table[name].combine_chunks() for name in ("item_id", "rank", "score")],
        names=["item_id", "rank", "score"],
    )
    starts = pa.array(range(0, len(table) + 1, K), pa.int32())
    users = table["user_id"].to_pylist()[::K]
    return pa.table({"user_id": users, "items": pa.ListArray.from_arrays(starts, inner)})


def test_lists_as_lenskit_writes_them_are_read_a_user_a_row_or_an_item_a_row(
    tmp_path: Path,
) -> None:
    table = lists(score=[3.0, 2, 1] * 3)
    for number, written in enumerate((as_lenskit(table), table)):
        path = write(written, tmp_path / f"{number}.parquet")
        taken = take_recommendations(path, K, ITEMS, USERS)
        assert taken.to_pydict() == table.to_pydict()


def test_an_error_in_a_list_of_lenskits_names_the_row_of_its_list(tmp_path: Path) -> None:
    table = as_lenskit(lists(score=[3.0, 2, 1, 3, 2, float("nan"), 3, 2, 1]))
    with pytest.raises(StudyError, match="line 2: a score is not a finite number"):
        take_recommendations(write(table, tmp_path / "lists.parquet"), K, ITEMS, USERS)


@pytest.mark.parametrize("header", ["user_id:token\titem_id:token\tscore:float", "user\titem"])
def test_lists_with_recboles_typed_header_or_in_the_order_of_its_top_k_are_read(
    tmp_path: Path, header: str
) -> None:
    rows = zip(*lists(score=[0.3, 0.2, 0.1] * 3).to_pydict().values(), strict=True)
    lines = [f"{user}\t{item}\t{score}" for user, _, item, score in rows]
    if header == "user\titem":
        lines = [line.rpartition("\t")[0] for line in lines]
    path = tmp_path / "lists.inter"
    path.write_text("\n".join([header, *lines]) + "\n")
    taken = take_recommendations(path, K, ITEMS, USERS)
    assert taken.select(["user_id", "rank", "item_id"]).to_pydict() == lists().to_pydict()


def test_places_after_the_kth_are_left_out_and_without_scores_the_rank_decides(
    tmp_path: Path,
) -> None:
    taken = take_recommendations(write(lists(), tmp_path / "lists.csv"), 2, ITEMS, USERS)
    assert taken["item_id"].to_pylist() == [10, 11, 12, 11, 29, 28]
    assert taken["score"].to_pylist() == [-1, -2] * 3


def test_items_that_the_user_has_seen_are_kept_and_counted_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def split(*seen: tuple[int, int]) -> pa.Table:
        users, items = zip(*seen, strict=True)
        return pa.table({"user_id": users, "item_id": items, "position": [0] * len(seen)}).cast(
            tables.SPLIT
        )

    path = write(lists(), tmp_path / "lists.csv")
    past = [
        split((5, 10), (5, 13), (6, 10), (7, 29)),
        split((5, 12), (7, 10), (2**62, 27), (2**62 + 1, 10), (1, 99)),
    ]
    taken = take_recommendations(path, K, ITEMS, USERS, past)
    assert taken["item_id"].to_pylist() == lists()["item_id"].to_pylist()
    assert "4 of 9 places hold an item that the user has seen already" in caplog.text, (
        "5 saw 10 and 12, 7 saw 10, the last saw 27"
    )
    caplog.clear()
    take_recommendations(path, K, ITEMS, USERS, [split((5, 29), (7, 27))])
    assert "seen already" not in caplog.text


def test_users_without_a_list_are_counted_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    taken = take_recommendations(
        write(lists().slice(0, 6), tmp_path / "lists.csv"), K, ITEMS, USERS
    )
    assert set(taken["user_id"].to_pylist()) == {5, 7}
    assert "1 of 3 users have no list" in caplog.text


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"rank": [1, 2, 4] + [1, 2, 3] * 2}, "user 5 has 2 places"),
        ({"rank": [0, 1, 2] + [1, 2, 3] * 2}, "a rank is 0"),
        ({"rank": [1, 1, 2] + [1, 2, 3] * 2}, "user 5 lacks a rank"),
        ({"item_id": [10, 11, 10, 12, 11, 10, 29, 28, 27]}, "user 5 names an item twice"),
        ({"item_id": [10, 11, 99, 12, 11, 10, 29, 28, 27]}, "for example item 99"),
        ({"user_id": [5, 5, 5, 8, 8, 8, 7, 7, 7]}, "for example user 8"),
        ({"user_id": [None, 5, 5, 7, 7, 7, 7, 7, 7]}, r"line \d+: the user is empty"),
        ({"score": [float("nan")] + [1.0] * 8}, "a score is not a finite number"),
        ({"score": [1e300] + [1.0] * 8}, "a score is not a finite number"),
        ({"item_id": ["x"] * 9}, "1 items occur in nobody's interactions, for example item x"),
        ({"rank": [1.5] * 9}, "a rank is 1.5; .* ranks are whole numbers"),
        ({"rank": ["first"] * 9}, "a rank is no number"),
    ],
)
@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_what_is_wrong_is_said_in_one_line(
    tmp_path: Path, ending: str, changed: dict, said: str
) -> None:
    path = write(lists(**changed), tmp_path / f"lists.{ending}")
    with pytest.raises(StudyError, match=said) as caught:
        take_recommendations(path, K, ITEMS, USERS)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_missing_column_file_or_form_is_said(tmp_path: Path) -> None:
    for path, said in (
        (write(lists().drop_columns("item_id"), tmp_path / "a.csv"), "no column for the item"),
        (write(lists().slice(0, 0), tmp_path / "b.parquet"), "holds no list"),
        (tmp_path / "absent.csv", "no such file"),
        (tmp_path / "lists.xlsx", "no such file"),
    ):
        with pytest.raises(StudyError, match=said):
            take_recommendations(path, K, ITEMS, USERS)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.binary(max_size=300)
    | st.text(alphabet='user_idrankitem,\n0123456789."-e', max_size=300).map(str.encode)
)
def test_no_bytes_make_it_fail_otherwise_than_by_a_message(tmp_path: Path, data: bytes) -> None:
    for ending in ("csv", "parquet"):
        path = tmp_path / f"any.{ending}"
        path.write_bytes(data)
        with pytest.raises(StudyError):
            take_recommendations(path, K, ITEMS, USERS)


def test_lenskits_output_with_names_for_ids_is_read(tmp_path: Path) -> None:
    """Columns user, item, score and rank, as of `ItemListCollection.to_df`."""
    path = tmp_path / "lists.csv"
    path.write_text("user,item,rank,score\nann,B01,1,.9\nann,007,2,.8\nbob,007,1,3\nbob,B01,2,2\n")
    users = WrittenIds(np.array([1, 2]), pa.array(["bob", "ann"]))
    items = WrittenIds(np.array([1, 2, 3]), pa.array(["B01", "7", "007"]))
    (taken,) = recommendations.take_recommendations(path, 2, items, users)
    assert taken["user_id"].to_pylist() == [1, 1, 2, 2]
    assert taken["item_id"].to_pylist() == [3, 1, 1, 3]
    assert taken["score"].to_pylist() == pytest.approx([3, 2, 0.9, 0.8])


def test_recboles_output_without_ranks_is_ordered_by_its_scores(tmp_path: Path) -> None:
    path = tmp_path / "lists.inter"
    rows = ["user_id:token\titem_id:token\tscore:float", "5\t10\t-1.5", "5\t11\t2", "5\t12\t0"]
    path.write_text("\n".join(rows) + "\n")
    taken = take_recommendations(path, 2, ITEMS, USERS[:1])
    assert taken["item_id"].to_pylist() == [11, 12]
    assert taken["rank"].to_pylist() == [1, 2]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2))
def test_integers_keep_the_order_of_numbers(numbers: list[float]) -> None:
    integers = recommendations._as_integers(np.array(numbers)).tolist()
    assert (
        np.argsort(integers, kind="stable").tolist()
        == np.argsort(np.array(numbers), kind="stable").tolist()
    )


def test_lists_that_do_not_fit_into_memory_are_the_same(tmp_path: Path, monkeypatch) -> None:
    path = write(lists(score=[3.0, 2, 1] * 3).take([8, 0, 4, 2, 6, 1, 3, 7, 5]), tmp_path / "a.csv")
    at_once = take_recommendations(path, K, ITEMS, USERS)
    monkeypatch.setattr(row_store, "IN_MEMORY_ROWS", 2)
    assert take_recommendations(path, K, ITEMS, USERS).equals(at_once)
