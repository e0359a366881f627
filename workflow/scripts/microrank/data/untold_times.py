"""Columns that look like times, in a file whose column of times is not known."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from microrank.data.layouts import Layout, first_lines, plain_name, read_json_object
from microrank.data.line_blocks import shown
from microrank.data.raw_settings import RawSettings
from microrank.errors import StudyError

# Seconds since 1970 or finer; a date.
_VALUE = re.compile(r"\d{9,19}(\.\d+)?|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ].*)?")
_NAME = re.compile(r"(?i:time|date|stamp)|_at$|[a-z]At$")


def check_times_are_told(path: Path, layout: Layout, settings: RawSettings) -> None:
    """Refuse to take the file's order for that of time where another column may hold the times.

    Raises:
        StudyError: such a column is there, and the settings do not say that there are no times.
    """
    is_settled = "timestamp" in layout.columns or "timestamp" in settings.columns_without
    if is_settled or layout.kind == "lists":
        return
    taken = set(layout.columns.values())
    for name, value in _first_row(path, layout, settings).items():
        if name not in taken and (_NAME.search(name) or _VALUE.fullmatch(value)):
            raise StudyError(
                f"{path}: line 1: no column for the times is known, and {shown(name)} (first "
                f"{shown(value)}) may be it: name it as {settings.name}.columns: {{timestamp: …}}; "
                f"where the rows stand in the order of time, say {settings.name}.columns: "
                "{timestamp: null}"
            )


def _first_row(path: Path, layout: Layout, settings: RawSettings) -> Mapping[str, str]:
    """Each column's name and its first value, as text."""
    if layout.kind == "parquet":
        batches: Iterable[pa.RecordBatch] = pq.ParquetFile(path).iter_batches(batch_size=1)
        first = next(iter(batches), None)
        rows = first.to_pylist() if first is not None else []
        return {name: str(value) for row in rows for name, value in row.items()}
    lines = first_lines(path, settings.format, layout.n_header_lines + 1)
    if layout.kind == "json":
        return {name: str(value) for name, value in read_json_object(path, lines[0]).items()}
    if len(lines) <= layout.n_header_lines:
        return {}
    fields = [plain_name(field) for field in lines[-1].split(layout.separator)]
    return dict(zip(layout.names, fields, strict=False))
