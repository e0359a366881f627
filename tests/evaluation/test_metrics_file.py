"""metrics.csv and seeds.csv come back as they were written, or are refused in one line."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import as_rankings, made_up_subset, shuffled
from microrank.errors import StudyError
from microrank.evaluation.metrics import METRICS
from microrank.evaluation.metrics_file import read_metrics, write_metrics
from microrank.evaluation.score import score_rankings
from microrank.evaluation.seeds import SEEDS, compare_seeds
from microrank.evaluation.settings import Scoring

SUBSET = made_up_subset(np.arange(12) % 20 + 1)


def metrics(seed: int = 1, methods: int = 2, cutoffs: tuple[int, ...] = (1, 5, 10, 20)) -> pa.Table:
    random = np.random.default_rng(seed)
    rankings = {f"method {n}": as_rankings(SUBSET, shuffled(12, random)) for n in range(methods)}
    return score_rankings(
        rankings,
        SUBSET,
        Scoring(cutoffs=cutoffs, bootstrap_samples=100),
        dataset="made up",
        seed=seed,
    )


def written(path: Path, table: pa.Table, schema: pa.Schema) -> list[str]:
    write_metrics(table, path, schema)
    return path.read_text().splitlines(keepends=True)


SMALL = {"methods": 1, "cutoffs": (5,)}
OVER_ALL = {
    "all_users": {"n_users": 40, "HR@5": 0.1, "HR@10": 0.2, "NDCG@5": 0.05, "NDCG@10": 0.07}
}
TABLES = {
    "metrics": (metrics(1, **SMALL), METRICS),
    "seeds": (compare_seeds([metrics(seed, **SMALL) for seed in (1, 2)], [OVER_ALL] * 2), SEEDS),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_cut_at_any_byte_is_told_in_one_line(name: str, tmp_path: Path) -> None:
    path, (table, schema) = tmp_path / f"{name}.csv", TABLES[name]
    whole = "".join(written(path, table, schema)).encode()
    assert read_metrics(path, schema).equals(table.cast(schema))
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(
            StudyError,
            match=rf"^{path}: not a complete table[^\n]*; delete the file and run again$",
        ):
            read_metrics(path, schema)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_that_lacks_any_row_is_told(name: str, tmp_path: Path) -> None:
    path, (table, schema) = tmp_path / f"{name}.csv", TABLES[name]
    lines = written(path, table, schema)
    for row in range(1, len(lines)):
        path.write_text("".join(lines[:row] + lines[row + 1 :]))
        with pytest.raises(StudyError, match="not a complete table of metrics"):
            read_metrics(path, schema)
        path.write_text("".join([*lines[:row], lines[row], *lines[row:]]))
        with pytest.raises(StudyError, match="not a complete table of metrics"):
            read_metrics(path, schema)


@given(st.integers(0, 3), st.sets(st.integers(1, 20), min_size=1, max_size=3))
@settings(max_examples=10)
def test_whatever_is_measured_comes_back_and_a_prefix_of_it_does_not(
    tmp_path_factory, methods: int, cutoffs: set[int]
) -> None:
    path, table = (
        tmp_path_factory.mktemp("metrics") / "metrics.csv",
        metrics(1, methods, tuple(sorted(cutoffs))),
    )
    lines = written(path, table, METRICS)
    assert read_metrics(path).equals(table.cast(METRICS))
    for row in range(len(lines)):
        path.write_text("".join(lines[:row]))
        with pytest.raises(StudyError, match="not a complete table"):
            read_metrics(path)
