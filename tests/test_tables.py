"""Tables read a batch at a time: every stage makes the same of them, however they are cut."""

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from microrank import tables
from microrank.data.subset import sample_hit_users, sample_tuning_users
from microrank.errors import StudyError
from microrank.evaluation.hits import find_held_out_items
from microrank.evaluation.recommender import evaluate_nfm
from microrank.nfm.histories import gather_histories
from microrank.nfm.model import NFM
from microrank.nfm.rank import recommend_top_k
from microrank.rerank.item_knn import rank_by_item_knn
from microrank.shards import Shard
from microrank.tables import StoredTable, read_table, rows_of

N_USERS, N_ITEMS, K, SEED = 60, 40, 5, 3


@pytest.fixture(scope="module")
def study() -> dict[str, pa.Table]:
    """Tables of a small study, rows in no order."""
    random = np.random.default_rng(SEED)
    users = random.choice(1000, N_USERS, replace=False)
    lengths = random.integers(4, 15, N_USERS)
    rows = [
        (user, item, n)
        for user, length in zip(users, lengths, strict=True)
        for n, item in enumerate(random.permutation(N_ITEMS)[:length])
    ]
    from_end = np.concatenate([np.arange(length)[::-1] for length in lengths])
    whole = pa.table(
        dict(zip(("user_id", "item_id", "position"), zip(*rows, strict=True), strict=True))
    ).cast(tables.SPLIT)
    splits = {"train": from_end > 1, "valid": from_end == 1, "test": from_end == 0}
    ids = np.arange(N_ITEMS)
    items = pa.table(
        {
            "item_id": ids,
            "item_index": random.permutation(N_ITEMS) + 1,
            "title": [""] * N_ITEMS,
            "train_count": ids,
        }
    )
    lists = {
        "user_id": np.repeat(users, K),
        "rank": np.tile(np.arange(1, K + 1), N_USERS),
        "score": np.zeros(K * N_USERS),
    }
    lists["item_id"] = np.concatenate([random.permutation(N_ITEMS)[:K] for _ in users])
    return {
        **{
            name: whole.take(random.permutation(np.flatnonzero(mine)))
            for name, mine in splits.items()
        },
        "items": items.cast(tables.ITEMS),
        "recommendations": pa.table(lists)
        .select(tables.RECOMMENDATIONS.names)
        .cast(tables.RECOMMENDATIONS),
    }


def histories(study: dict, past: list, recommendations: tables.Batches) -> list:
    found = gather_histories(past, study["items"])
    return [found.users.tolist(), found.starts.tolist(), found.items.tolist()]


def shard(study: dict, past: list, recommendations: tables.Batches) -> list:
    model = NFM(N_ITEMS, 4)
    model.initialise(torch.Generator().manual_seed(SEED))
    return recommend_top_k(
        model.eval(), past, study["items"], K, history_length=4, shard=Shard(1, 3)
    ).to_pylist()


def metrics(study: dict, past: list, recommendations: tables.Batches) -> list:
    return [evaluate_nfm(recommendations, study["test"], past, past)]


def subset(study: dict, past: list, recommendations: tables.Batches) -> list:
    return sample_hit_users(
        recommendations, past, study["test"], seed=SEED, sample_size=4, history_length=3
    ).to_pylist()


def tuning(study: dict, past: list, recommendations: tables.Batches) -> list:
    wanted = {"seed": SEED, "sample_size": 4, "history_length": 3, "tuning_share": 0.5}
    return sample_tuning_users(recommendations, past[0], study["valid"], **wanted).to_pylist()


def neighbours(study: dict, past: list, recommendations: tables.Batches) -> list:
    drawn = sample_hit_users(
        study["recommendations"],
        [study["train"]],
        study["test"],
        seed=SEED,
        sample_size=4,
        history_length=3,
    )
    return rank_by_item_knn(drawn, past).to_pylist()


@pytest.mark.parametrize("batch_rows", [1, 7, 1000])
@pytest.mark.parametrize("stage", [histories, shard, metrics, subset, tuning, neighbours])
def test_a_stored_table_gives_what_one_in_memory_gives_whatever_its_batches(
    study: dict,
    stage: Callable[..., list],
    batch_rows: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tables, "BATCH_ROWS", batch_rows)
    stored = {}
    for name, schema in (
        ("train", tables.SPLIT),
        ("valid", tables.SPLIT),
        ("recommendations", tables.RECOMMENDATIONS),
    ):
        tables.write_table(study[name], tmp_path / name, schema)
        stored[name] = StoredTable(tmp_path / name, schema)
    in_memory = stage(study, [study["train"], study["valid"]], study["recommendations"])
    assert len(in_memory) > 0
    assert stage(study, [stored["train"], stored["valid"]], stored["recommendations"]) == in_memory


def test_histories_are_those_gathered_row_by_row(study: dict) -> None:
    past = [study["train"], study["valid"]]
    index = dict(
        zip(
            study["items"]["item_id"].to_pylist(),
            study["items"]["item_index"].to_pylist(),
            strict=True,
        )
    )
    slow: dict[int, list[tuple[int, int]]] = {}
    for row in pa.concat_tables(past).to_pylist():
        slow.setdefault(row["user_id"], []).append((row["position"], index[row["item_id"]]))
    found = gather_histories(past, study["items"])
    assert found.users.tolist() == sorted(slow)
    for place, user in enumerate(found.users.tolist()):
        assert found.items[found.starts[place] : found.starts[place + 1]].tolist() == [
            item for _, item in sorted(slow[user])
        ]


def test_rows_of_users_are_theirs_alone_in_order_and_of_nobody_an_empty_table(study: dict) -> None:
    some = np.unique(study["train"]["user_id"].to_numpy())[::7]
    found = rows_of(study["train"], some)
    assert found.to_pylist() == [
        row for row in study["train"].to_pylist() if row["user_id"] in some
    ]
    assert found.num_rows > len(some)
    assert rows_of(study["train"], np.empty(0, np.int64)).equals(tables.SPLIT.empty_table())
    assert rows_of(tables.SPLIT.empty_table(), some).equals(tables.SPLIT.empty_table())


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO])
def test_a_file_that_cannot_be_read_is_not_called_cut(
    study: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    tables.write_table(study["train"], tmp_path / "train.parquet", tables.SPLIT)

    def refused(*_: object) -> None:
        raise OSError(number, "whatever pyarrow says")

    monkeypatch.setattr("pyarrow.parquet.read_schema", refused)
    with pytest.raises(
        StudyError,
        match=rf"train\.parquet: cannot be read \({os.strerror(number)}\); mend its rights or its "
        "disk and run again$",
    ):
        read_table(tmp_path / "train.parquet", tables.SPLIT)


def test_an_absent_a_foreign_and_a_cut_off_file_are_named(study: dict, tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    with pytest.raises(StudyError, match=r"train\.parquet: no such file"):
        StoredTable(path, tables.SPLIT)
    path.mkdir()
    with pytest.raises(
        StudyError, match=r"train\.parquet: cannot be read .*; mend its rights or its disk"
    ):
        StoredTable(path, tables.SPLIT)
    path.rmdir()
    tables.write_table(study["items"], path, tables.ITEMS)
    with pytest.raises(StudyError, match=r"train\.parquet: holds item_id.* is expected"):
        StoredTable(path, tables.SPLIT)
    tables.write_table(study["train"], path, tables.SPLIT)
    table, content = StoredTable(path, tables.SPLIT), path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(StudyError, match=r"train\.parquet: not a complete parquet file"):
        list(table.to_batches())
    path.write_bytes(content[:4] + bytes(len(content) - 200) + content[-196:])
    with pytest.raises(StudyError, match=r"train\.parquet: not a complete parquet file"):
        list(table.to_batches())


def test_a_file_that_does_not_fit_another_is_named_with_its_folder(
    study: dict, tmp_path: Path
) -> None:
    def stored(name: str, table: pa.Table, schema: pa.Schema) -> StoredTable:
        tables.write_table(table, tmp_path / name, schema)
        return StoredTable(tmp_path / name, schema)

    lists = stored("recommendations.parquet", study["recommendations"], tables.RECOMMENDATIONS)
    test = stored("test.parquet", study["test"], tables.SPLIT)
    assert (
        find_held_out_items(lists, test).ranks.tolist()
        == find_held_out_items(study["recommendations"], study["test"]).ranks.tolist()
    )
    few = stored("few.parquet", study["test"].slice(0, 3), tables.SPLIT)
    none = stored("none.parquet", study["recommendations"].slice(0, 0), tables.RECOMMENDATIONS)
    twice = stored("twice.parquet", pa.concat_tables([study["test"]] * 2), tables.SPLIT)
    for recommendations, hidden, said in (
        (lists, few, f"{lists.path}: holds users that {few.path} lacks; "),
        (none, test, f"{none.path}: holds no list; "),
        (lists, twice, f"{twice.path}: does not hold one item for each of at least one user; "),
    ):
        with pytest.raises(StudyError, match=f"^{re.escape(said)}"):
            find_held_out_items(recommendations, hidden)


@given(
    st.lists(st.integers(-9, 9) | st.integers(-(2**63), 2**63 - 1), unique=True),
    st.lists(st.integers(-9, 9)),
    st.booleans(),
)
def test_an_id_is_found_where_it_stands_and_else_nowhere(
    ids: list[int], others: list[int], ascending: bool
) -> None:
    ids = sorted(ids) if ascending else ids
    wanted = [*ids, *others]
    places = tables.find_ids(np.array(ids, np.int64), np.array(wanted, np.int64)).tolist()
    assert places == [ids.index(id_) if id_ in ids else -1 for id_ in wanted]


def test_ids_are_found_in_the_shape_in_which_they_are_wanted() -> None:
    places = tables.find_ids(np.array([3, 5]), np.array([[5, 4], [3, 5]]))
    assert places.tolist() == [[1, -1], [0, 1]]
