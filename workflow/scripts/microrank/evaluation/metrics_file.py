"""metrics.csv and seeds.csv, written and read."""

import csv
import os
from typing import Any

import pyarrow as pa

from microrank.errors import StudyError
from microrank.evaluation.score import METRICS, RANDOM_EXPECTED, REFERENCES
from microrank.files import read_csv, replacing

DIFFERENCE = "_difference"


def write_metrics(table: pa.Table, path: str | os.PathLike[str], schema: pa.Schema = METRICS) -> None:
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
        casts = {field.name: {pa.int64(): int, pa.float64(): float}.get(field.type, str) for field in schema}
        typed = [{name: cast(row[name]) if row[name] != "" else None for name, cast in casts.items()} for row in rows]
        _check_rows([(row["method"], row["metric"], row["cutoff"]) for row in typed])
        return pa.Table.from_pylist(typed, schema=schema)
    except (ValueError, TypeError) as error:
        raise StudyError(f"{path}: not a complete table of metrics ({error}); delete the file and run again") from None


def _check_rows(found: list[tuple[Any, Any, Any]]) -> None:
    """Each of the methods that `score_rankings` writes has each row once: a file that was cut at the end of a line looks like a table."""
    measured = {(metric, cutoff) for _, metric, cutoff in found}
    methods = {method for method, _, _ in found}
    without_differences = {found[0][0], RANDOM_EXPECTED}  # the recommender comes first
    expected = {
        (method, metric, cutoff)
        for method in methods.union(REFERENCES)
        for metric, cutoff in measured
        if method not in without_differences or not metric.endswith(DIFFERENCE)
    }
    if len(found) != len(expected) or set(found) != expected or not any(metric.endswith(DIFFERENCE) for metric, _ in measured):
        raise ValueError(f"its {len(found)} rows are not all rows of every method")
