"""The spread of every figure over whole repeats of the study, each with a seed of its own."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from microrank.errors import StudyError

_TEXT, _COUNT, _NUMBER = pa.string(), pa.int64(), pa.float64()
SEEDS = pa.schema(
    {
        "method": _TEXT,
        "metric": _TEXT,
        "cutoff": _COUNT,
        "n_seeds": _COUNT,
        "mean": _NUMBER,
        "sd": _NUMBER,
        "low": _NUMBER,
        "high": _NUMBER,
    }
)
Key = tuple[str, str, int]


def compare_seeds(
    repeats: Sequence[pa.Table], recommenders: Sequence[Mapping[str, Any]] = ()
) -> pa.Table:
    """Mean, standard deviation (of a sample: n − 1), smallest and largest of every value: table SEEDS.

    Args:
        repeats: tables METRICS, the recommender's rows first. recommenders: of each repeat, what `evaluate_nfm` gives; their figures over
            all users become the recommender's metrics `hr_all_users` and `ndcg_all_users`.

    Raises:
        StudyError: the repeats have other rows than each other.
    """
    values = [_values(table) for table in repeats]
    if recommenders:  # their rows first, so that a file that was cut lacks some of the last method
        values = [
            _over_all_users(next(iter(one))[0], metrics) | one
            for one, metrics in zip(values, recommenders, strict=True)
        ]
    if any(one.keys() != values[0].keys() for one in values):
        raise StudyError(
            "the repeats' metrics.csv hold different methods or cutoffs; run score_rankings again"
        )
    rows = []
    for method, metric, cutoff in values[0]:
        found = np.array([one[method, metric, cutoff] for one in values])
        spread = {
            "mean": found.mean(),
            "sd": found.std(ddof=1) if len(found) > 1 else 0.0,
            "low": found.min(),
            "high": found.max(),
        }
        numbers = {name: float(f"{value:.9g}") for name, value in spread.items()}
        rows.append(
            {"method": method, "metric": metric, "cutoff": cutoff, "n_seeds": len(found)} | numbers
        )
    return pa.Table.from_pylist(rows, schema=SEEDS)


def _over_all_users(recommender: str, metrics: Mapping[str, Any]) -> dict[Key, float]:
    names = [name for name in metrics["all_users"] if "@" in name]
    parts = [(name, *name.lower().split("@")) for name in names]
    return {
        (recommender, f"{metric}_all_users", int(cutoff)): metrics["all_users"][name]
        for name, metric, cutoff in parts
    }


def _values(metrics: pa.Table) -> dict[Key, float]:
    return {
        (row["method"], row["metric"], row["cutoff"]): row["value"] for row in metrics.to_pylist()
    }
