"""What a recommender's jobs took, from the benchmark files that Snakemake leaves."""

import csv
from collections.abc import Iterable
from pathlib import Path

from microrank.report.recommenders.compared import Cost


def cost_of(paths: Iterable[Path]) -> Cost | None:
    """Sum the seconds of the jobs, and take the most memory of one of them.

    Args:
        paths: Benchmark files; one that is absent is left out.

    Returns:
        None where there is no file.
    """
    rows = [row for path in paths if path.is_file() for row in _rows(path)]
    if not rows:
        return None
    memory = [number for row in rows if (number := _number(row.get("max_rss"))) is not None]
    seconds = sum(_number(row.get("s")) or 0.0 for row in rows)
    return Cost(seconds, max(memory, default=None))


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def _number(text: str | None) -> float | None:
    """The number; None for the `NA` and `-` of what was too short to be measured."""
    try:
        return float(text or "")
    except ValueError:
        return None
