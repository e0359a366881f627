"""The spread of every figure over whole repeats of the study, each with another seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from microrank.errors import StudyError
from microrank.evaluation.metrics import as_table, metric_rows, schema_of

Key = tuple[str, str, int]  # method, metric, cutoff


@dataclass(frozen=True)
class SeedRow:
    """The spread of one figure.

    Attributes:
        method: Name of the method, or of a reference.
        metric: As in table METRICS; `hr_all_users` and `ndcg_all_users` of the recommender.
        cutoff: N of the metric.
        n_seeds: Number of repeats.
        mean: Mean over the repeats.
        sd: Standard deviation of a sample (n − 1).
        low: Smallest value.
        high: Largest value.
    """

    method: str
    metric: str
    cutoff: int
    n_seeds: int
    mean: float
    sd: float
    low: float
    high: float


SEEDS = schema_of(SeedRow)


def seed_rows(table: pa.Table) -> list[SeedRow]:
    """Return the rows of table SEEDS."""
    return [SeedRow(**row) for row in table.to_pylist()]


def compare_seeds(
    repeats: Sequence[pa.Table], recommenders: Sequence[Mapping[str, Any]] = ()
) -> pa.Table:
    """Compute mean, standard deviation, smallest and largest of every value.

    Args:
        repeats: Tables METRICS, the recommender's rows first.
        recommenders: Of each repeat, what `evaluate_nfm` gives. Its figures over all users become
            the recommender's metrics `hr_all_users` and `ndcg_all_users`.

    Returns:
        Table SEEDS.

    Raises:
        StudyError: The repeats have other rows than each other.
    """
    values = [_values(table) for table in repeats]
    if recommenders:
        # Their rows come first, so that a file that was cut lacks some of the last method's.
        values = [
            _over_all_users(next(iter(of_repeat))[0], metrics) | of_repeat
            for of_repeat, metrics in zip(values, recommenders, strict=True)
        ]
    if any(of_repeat.keys() != values[0].keys() for of_repeat in values):
        raise StudyError(
            "the repeats' metrics.csv hold different methods or cutoffs; run score_rankings again"
        )
    rows = [_spread(key, np.array([of_repeat[key] for of_repeat in values])) for key in values[0]]
    return as_table(rows, SEEDS)


def _spread(key: Key, values: np.ndarray) -> SeedRow:
    sd = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    return SeedRow(
        *key, len(values), float(values.mean()), sd, float(values.min()), float(values.max())
    )


def _over_all_users(recommender: str, metrics: Mapping[str, Any]) -> dict[Key, float]:
    values = {}
    for name, value in metrics["all_users"].items():
        if "@" in name:
            metric, cutoff = name.lower().split("@")
            values[recommender, f"{metric}_all_users", int(cutoff)] = value
    return values


def _values(metrics: pa.Table) -> dict[Key, float]:
    return {(row.method, row.metric, row.cutoff): row.value for row in metric_rows(metrics)}
