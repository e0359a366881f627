"""metrics.csv and seeds.csv, written and read."""

import csv
import os

import pyarrow as pa

from microrank.errors import StudyError
from microrank.evaluation.score import METRICS
from microrank.files import read_csv, replacing


def write_metrics(table: pa.Table, path: str | os.PathLike[str], schema: pa.Schema = METRICS) -> None:
    """Table METRICS (or SEEDS) as csv: empty where there is no value."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(schema.names)
        writer.writerows(row.values() for row in table.select(schema.names).to_pylist())


def read_metrics(path: str | os.PathLike[str], schema: pa.Schema = METRICS) -> pa.Table:
    """The table again.

    Raises:
        StudyError: the file has other columns, or something that is no number in a column of numbers.
    """
    try:
        rows = read_csv(path, schema.names)
        if not rows:
            raise ValueError("no row")
        casts = {field.name: {pa.int64(): int, pa.float64(): float}.get(field.type, str) for field in schema}
        return pa.Table.from_pylist(
            [{name: cast(row[name]) if row[name] != "" else None for name, cast in casts.items()} for row in rows], schema=schema
        )
    except (ValueError, TypeError) as error:
        raise StudyError(f"{path}: not a complete table of metrics ({error}); delete the file and run again") from None
