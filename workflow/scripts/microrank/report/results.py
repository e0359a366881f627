"""What the figures are drawn from: figures of all methods, and what they are called."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from microrank.evaluation.diagnostics import Diagnostics
from microrank.evaluation.metrics import MetricRow, metric_rows
from microrank.methods import NFM, SIMULATED_KIND, Methods, names_of
from microrank.rerank.fusion_choice import FusionChoice


@dataclass(frozen=True, kw_only=True)
class Results:
    """The results of one study.

    Attributes:
        metrics: Table METRICS.
        diagnostics: What diagnostics.json holds.
        methods: The recommender, and the methods in the config's order.
        fusions: Method -> how its number was chosen.
        training: The csv of `train_nfm`; None where no NFM was trained.
        confidence: Confidence level of the intervals.
        unread_share: Above this share of answers that name no candidate, a row is unreadable.
    """

    metrics: pa.Table
    diagnostics: Diagnostics
    methods: Methods
    fusions: Mapping[str, FusionChoice] = field(default_factory=dict)
    training: Path | None = None
    confidence: float = 0.95
    unread_share: float = 0.1

    @cached_property
    def rows(self) -> list[MetricRow]:
        """The rows of table METRICS."""
        return metric_rows(self.metrics)

    @cached_property
    def _row_of(self) -> dict[tuple[str, str, int], MetricRow]:
        return {(row.method, row.metric, row.cutoff): row for row in self.rows}

    def row(self, method: str, metric: str, cutoff: int) -> MetricRow:
        """Return the row of table METRICS."""
        return self._row_of[method, metric, cutoff]

    def find_row(self, method: str, metric: str, cutoff: int) -> MetricRow | None:
        """Return the row of table METRICS, or None where there is none."""
        return self._row_of.get((method, metric, cutoff))

    @property
    def k(self) -> int:
        """Length of the lists."""
        return self.diagnostics.k

    @property
    def n_users(self) -> int:
        """Size of the subset."""
        return self.diagnostics.n_users

    @property
    def recommender(self) -> str:
        """What the recommender's own order is called in table METRICS."""
        return self.methods.recommender.name

    @cached_property
    def names(self) -> list[str]:
        """The methods that are rows of the report, without the recommender and references."""
        return names_of(self.methods.shown)

    @property
    def lists_name(self) -> str:
        """The recommender's name in sentences."""
        return self.label(self.recommender)

    def label(self, method: str) -> str:
        """Return a method's name as readers see it: what is simulated says so."""
        name = "NFM" if method == NFM else method
        if self.is_simulated(method) and "simulated" not in method:
            return f"{name} (simulated)"
        return name

    def colour_of(self, method: str) -> str:
        """Return the kind that decides a method's colour: the same for simulated ones."""
        return self.methods.kinds.get(method, "reference").removeprefix(SIMULATED_KIND)

    def is_simulated(self, method: str) -> bool:
        """Return whether a method, or a part of it, asks a simulated model."""
        return self.methods.kinds.get(method, "").startswith(SIMULATED_KIND)

    def of_kind(self, *kinds: str) -> list[str]:
        """Return the methods of these kinds."""
        return [method.name for method in self.methods.shown if method.kind in kinds]
