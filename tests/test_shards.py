"""Shards: the same bytes for any number of them, also at the edges of a file's row groups."""

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from commandline import SMALL, contents, copy_repository, edit_config, planned_jobs, run
from hypothesis import given
from hypothesis import strategies as st
from microrank import shards, tables
from microrank.errors import StudyError
from microrank.shards import Shard, gather_shards

# Every rule that is cut, for tuning too; fewer users than shards of `query_llm`.
STUDY = SMALL | {
    "subset": {"sample_size": 2},
    "tuning": {"sample_size": 2},
    "rerankers": {"fused": {"fusion": "reciprocal", "of": ["nfm", "simulated-numbered"]}},
    "methods": ["simulated-numbered", "fused"],
}
SHARDS = {"shards": {"recommend_top_k": 2, "query_llm": 3}}
FUSED = "results/sample/rankings/fused.parquet"


def recommendations(n_rows: int) -> pa.Table:
    rng = np.random.default_rng(n_rows)
    columns = {
        "user_id": np.arange(n_rows) // 20,
        "rank": np.arange(n_rows) % 20 + 1,
        "item_id": rng.integers(0, 999, n_rows),
    }
    return pa.table(columns | {"score": rng.random(n_rows)}).cast(
        tables.RECOMMENDATIONS, safe=False
    )


@given(st.integers(0, 40), st.integers(1, 9))
def test_shards_are_runs_that_hold_every_row_once_in_order(n_rows: int, count: int) -> None:
    runs = [range(n_rows)[Shard(index, count).of(n_rows)] for index in range(count)]
    assert [row for run in runs for row in run] == list(range(n_rows))
    assert max(map(len, runs)) - min(map(len, runs)) <= 1


def test_a_shard_is_everything_by_default_and_survives_json() -> None:
    assert range(7)[Shard().of(7)] == range(7)
    assert Shard(2, 5).to_json() == [2, 5]
    assert Shard.from_json(Shard(2, 5).to_json()) == Shard(2, 5)


@pytest.mark.parametrize("n_shards", [1, 2, 7])
@pytest.mark.parametrize("n_rows", [0, 1, 5, shards.ROW_GROUP, shards.ROW_GROUP + 1])
def test_the_gathered_file_is_the_whole_tables_to_the_byte(
    tmp_path: Path, n_rows: int, n_shards: int
) -> None:
    table, paths = (
        recommendations(n_rows),
        [tmp_path / f"{shard}.parquet" for shard in range(n_shards)],
    )
    tables.write_table(table, tmp_path / "whole.parquet", tables.RECOMMENDATIONS)
    for shard, path in enumerate(paths):
        first, last = n_rows * shard // n_shards, n_rows * (shard + 1) // n_shards
        tables.write_table(table.slice(first, last - first), path, tables.RECOMMENDATIONS)
    assert gather_shards(paths, tmp_path / "gathered.parquet", tables.RECOMMENDATIONS) == n_rows
    assert (tmp_path / "gathered.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()


def test_a_shard_with_other_columns_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    tables.write_table(recommendations(3), tmp_path / "0.parquet", tables.RECOMMENDATIONS)
    tables.write_table(tables.ITEMS.empty_table(), tmp_path / "1.parquet", tables.ITEMS)
    with pytest.raises(StudyError, match=r"1\.parquet: holds item_id.* is expected"):
        gather_shards(
            [tmp_path / "0.parquet", tmp_path / "1.parquet"],
            tmp_path / "whole.parquet",
            tables.RECOMMENDATIONS,
        )
    assert not (tmp_path / "whole.parquet").exists()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small study in one piece."""
    folder = copy_repository(tmp_path_factory.mktemp("whole"))
    edit_config(folder, STUDY)
    done = run(folder, FUSED)
    assert done.returncode == 0, done.stdout
    return folder


@pytest.fixture(scope="module")
def cut(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in shards, from the trained model on, and with nothing in the response store."""
    folder = tmp_path_factory.mktemp("cut") / "study"
    shutil.copytree(whole, folder)
    shutil.rmtree(folder / "resources/store")
    edit_config(folder, SHARDS)
    done = run(folder, FUSED)
    assert done.returncode == 0, done.stdout
    return folder


def test_a_study_in_shards_leaves_the_bytes_of_one_in_one_piece(whole: Path, cut: Path) -> None:
    one, many = contents(whole), contents(cut)
    assert [name for name in one | many if one.get(name) != many.get(name)] == []


def test_every_shard_is_a_job_with_a_log_and_a_benchmark_of_its_own(cut: Path) -> None:
    assert {path.suffix: 0 for path in (cut / "results").rglob("*-of-*")} == {".log": 0, ".tsv": 0}
    for suffix, folder in ((".log", "logs"), (".tsv", "benchmarks")):
        assert len(list((cut / "results/sample" / folder).rglob(f"*-of-*{suffix}"))) == 10
    assert "Nothing to be done" in run(cut, "-n", FUSED).stdout


def test_in_one_piece_there_is_no_job_more(whole: Path, cut: Path) -> None:
    one, many = planned_jobs(whole, "-F"), planned_jobs(cut, "-F")
    assert many - one == Counter(recommend_top_k=2, query_llm=4, gather_shards=4)
    assert one - many == Counter()


def test_an_edit_of_what_a_shard_imports_reruns_all_shards(cut: Path) -> None:
    path = cut / "workflow/scripts/microrank/nfm/rank.py"
    text = path.read_text()
    path.write_text(text + "\n# edited\n")
    planned = planned_jobs(cut)
    path.write_text(text)
    assert planned["recommend_top_k"] == 4
    assert planned["gather_shards"] >= 2
    assert "train_nfm" not in planned
