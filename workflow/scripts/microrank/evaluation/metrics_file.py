"""metrics.csv and seeds.csv, written and read."""

import csv
import os
from typing import Any

import pyarrow as pa

from microrank.errors import StudyError
from microrank.evaluation.score import METRICS, RANDOM_EXPECTED, REFERENCES
from microrank.files import read_csv, replacing

DIFFERENCE, OVER_RANDOM, ALL_USERS = "_difference", "_over_random", "_all_users"


def write_metrics(
    table: pa.Table, path: str | os.PathLike[str], schema: pa.Schema = METRICS
) -> None:
    """Table METRICS (or SEEDS) as csv: empty where there is no value."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(schema.names)
        writer.writerows(row.values() for row in table.select(schema.names).to_pylist())


def read_metrics(path: str | os.PathLike[str], schema: pa.Schema = METRICS) -> pa.Table:
    """The table again.

    Raises:
        StudyError: the file has other columns, something that is no number in a column of numbers, or not all rows of every method.
    """
    try:
        rows = read_csv(path, schema.names)
        if not rows:
            raise ValueError("no row")
        casts = {
            field.name: {pa.int64(): int, pa.float64(): float}.get(field.type, str)
            for field in schema
        }
        typed = [
            {name: cast(row[name]) if row[name] != "" else None for name, cast in casts.items()}
            for row in rows
        ]
        _check_rows([(row["method"], row["metric"], row["cutoff"]) for row in typed])
        return pa.Table.from_pylist(typed, schema=schema)
    except (ValueError, TypeError) as error:
        raise StudyError(
            f"{path}: not a complete table of metrics ({error}); delete the file and run again"
        ) from None


def _check_rows(found: list[tuple[Any, Any, Any]]) -> None:
    """Each of the methods that `score_rankings` writes has each row once: a file that was cut at the end of a line looks like a table."""
    recommender = found[0][0]  # it comes first
    measured = {(metric, cutoff) for _, metric, cutoff in found}
    measured |= {
        (f"{one}{ALL_USERS}", cutoff)
        for metric, cutoff in measured
        if metric.endswith(ALL_USERS)
        for one in ("hr", "ndcg")
    }
    methods = {method for method, _, _ in found}.union(REFERENCES)
    expected = {
        (method, metric, cutoff)
        for metric, cutoff in measured
        for method in _methods_with(metric, recommender, methods)
    }
    if (
        len(found) != len(expected)
        or set(found) != expected
        or not any(metric.endswith(DIFFERENCE) for metric, _ in measured)
    ):
        raise ValueError(f"its {len(found)} rows are not all rows of every method")


def _methods_with(metric: str, recommender: str, methods: set[str]) -> set[str]:
    if metric.endswith(ALL_USERS):
        return {recommender}
    if metric.endswith(DIFFERENCE):
        return methods - {recommender, RANDOM_EXPECTED}
    return methods.difference(REFERENCES) if metric.endswith(OVER_RANDOM) else methods
