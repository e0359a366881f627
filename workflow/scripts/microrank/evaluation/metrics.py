"""The rows of metrics.csv: their columns, and the names of the rows that every study has."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any, get_args, get_type_hints

import pyarrow as pa

RANDOM_EXPECTED, RANDOM_DRAW, ORACLE = "random (expected)", "random (one draw)", "oracle"
REFERENCES = (RANDOM_EXPECTED, RANDOM_DRAW, ORACLE)
_ARROW_TYPES = {str: pa.string(), int: pa.int64(), float: pa.float64()}


@dataclass(frozen=True)
class MetricRow:
    """One figure of one method, and the test behind it where there is one.

    Attributes:
        dataset: Name of the data set.
        method: Name of the method, or of a reference.
        metric: `hits`, `hr`, `ndcg`, `mrr`, one of these with `_difference`, `hr_over_random`, or
            `hr_equivalence`.
        cutoff: N of the metric.
        value: The figure.
        ci_low: Lower end of its interval.
        ci_high: Upper end of its interval.
        n_users: Number of users that it is about.
        baseline: What the method is compared with.
        delta: The figure less the baseline's.
        wins: Users whom the method serves better than the baseline.
        losses: Users whom it serves worse.
        p_value: p-value of the test against the baseline.
        p_holm: The same after Holm's correction within its family.
        family: `primary` or `exploratory`, of a test that was corrected.
        e_value: Evidence against equal wins and losses, from `e_value`.
        p_always: p-value that stays valid at unplanned looks, from `always_valid_p`.
    """

    dataset: str
    method: str
    metric: str
    cutoff: int
    value: float
    ci_low: float | None
    ci_high: float | None
    n_users: int
    baseline: str | None = None
    delta: float | None = None
    wins: int | None = None
    losses: int | None = None
    p_value: float | None = None
    p_holm: float | None = None
    family: str | None = None
    e_value: float | None = None
    p_always: float | None = None

    @property
    def interval(self) -> tuple[float, float]:
        """Both ends of the interval of a row that has one.

        Raises:
            ValueError: It has none.
        """
        if self.ci_low is None or self.ci_high is None:
            raise ValueError(f"{self.method}: {self.metric} has no interval")
        return self.ci_low, self.ci_high


def schema_of(row_type: type) -> pa.Schema:
    """Return the schema of a table with such a row: one column a field."""
    types = get_type_hints(row_type)
    columns = {}
    for field in fields(row_type):
        options = get_args(types[field.name]) or (types[field.name],)
        columns[field.name] = _ARROW_TYPES[options[0]]
    return pa.schema(columns)


METRICS = schema_of(MetricRow)


def main_cutoffs(cutoffs: Iterable[int], k: int) -> list[int]:
    """Return 5 and 10; for lists of at most 5 items, the last cutoff at which an order matters.

    The last of them is the primary cutoff.

    Args:
        cutoffs: The N of Hits@N.
        k: Length of the lists.
    """
    cutoffs = sorted(cutoffs)
    below = [cutoff for cutoff in cutoffs if cutoff < k]
    main = [cutoff for cutoff in below if cutoff in (5, 10)]
    return main or below[-1:] or cutoffs[-1:]


def as_table(rows: Iterable[Any], schema: pa.Schema) -> pa.Table:
    """Return dataclass rows as a table, its numbers rounded to nine significant digits."""
    rounded = [{name: _rounded(value) for name, value in asdict(row).items()} for row in rows]
    return pa.Table.from_pylist(rounded, schema=schema)


def metric_rows(table: pa.Table) -> list[MetricRow]:
    """Return the rows of table METRICS."""
    return [MetricRow(**row) for row in table.to_pylist()]


def _rounded(value: Any) -> Any:
    """Round to nine significant digits: beyond them, bits depend on the processor."""
    return float(f"{value:.9g}") + 0.0 if isinstance(value, float) else value
