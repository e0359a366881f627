"""metrics.csv and seeds.csv, written and read."""

import csv
import os
from collections.abc import Callable, Sequence

import pyarrow as pa

from microrank.errors import StudyError
from microrank.evaluation.metrics import METRICS, RANDOM_EXPECTED, REFERENCES
from microrank.files import read_csv, replacing

DIFFERENCE, OVER_RANDOM, ALL_USERS = "_difference", "_over_random", "_all_users"
Key = tuple[str, str, int]  # method, metric, cutoff


def write_metrics(
    table: pa.Table, path: str | os.PathLike[str], schema: pa.Schema = METRICS
) -> None:
    """Write table METRICS (or SEEDS) as csv: a cell is empty where there is no value."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(schema.names)
        writer.writerows(row.values() for row in table.select(schema.names).to_pylist())


def read_metrics(path: str | os.PathLike[str], schema: pa.Schema = METRICS) -> pa.Table:
    """Read what `write_metrics` wrote.

    Raises:
        StudyError: The file has other columns, a text where a number belongs, or not all rows of
            every method.
    """
    try:
        rows = read_csv(path, schema.names)
        if not rows:
            raise ValueError("no row")
        typed = [
            {field.name: _cast(row[field.name], field.type) for field in schema} for row in rows
        ]
        table = pa.Table.from_pylist(typed, schema=schema)
        keys = table.select(["method", "metric", "cutoff"]).to_pylist()
        _check_rows([(key["method"], key["metric"], key["cutoff"]) for key in keys])
        return table
    except (ValueError, TypeError) as error:
        raise StudyError(
            f"{path}: not a complete table of metrics ({error}); delete the file and run again"
        ) from None


def _cast(text: str, arrow_type: pa.DataType) -> str | int | float | None:
    cast: Callable[[str], str | int | float] = {pa.int64(): int, pa.float64(): float}.get(
        arrow_type, str
    )
    return None if text == "" else cast(text)


def _check_rows(keys: Sequence[Key]) -> None:
    """Check that each method has each row of `score_rankings` once.

    A file that was cut at the end of a line looks like a whole table.
    """
    recommender = keys[0][0]  # it comes first
    measured = {(metric, cutoff) for _, metric, cutoff in keys}
    measured |= {
        (f"{name}{ALL_USERS}", cutoff)
        for metric, cutoff in measured
        if metric.endswith(ALL_USERS)
        for name in ("hr", "ndcg")
    }
    methods = {method for method, _, _ in keys}.union(REFERENCES)
    expected = {
        (method, metric, cutoff)
        for metric, cutoff in measured
        for method in _methods_with(metric, recommender, methods)
    }
    compared = any(metric.endswith(DIFFERENCE) for metric, _ in measured)
    if len(keys) != len(expected) or set(keys) != expected or not compared:
        raise ValueError(f"its {len(keys)} rows are not all rows of every method")


def _methods_with(metric: str, recommender: str, methods: set[str]) -> set[str]:
    if metric.endswith(ALL_USERS):
        return {recommender}
    if metric.endswith(DIFFERENCE):
        return methods - {recommender, RANDOM_EXPECTED}
    if metric.endswith(OVER_RANDOM):
        return methods.difference(REFERENCES)
    return methods
