"""All that a report is written from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa

from microrank.evaluation.score import NFM, REFERENCES
from microrank.report.names import label_of


@dataclass(frozen=True)
class Study:
    """metrics: table METRICS. diagnostics, counts, nfm: what the files of that name hold; nfm is of the lists, whoever made them.

    settings: the parts of the config that shaped the results. methods: in the config's order. kinds: method -> `encoder`, `llm`,
    `simulated llm`, `reference`, `fusion`. versions: package -> version. fusions: method -> how its number was chosen.
    files: name -> checksum of what shaped the results beside raw files and settings: prompts, methods and lists of the user's own.
    seeds: table SEEDS, where the study was repeated. commit: of the workflow, None outside a checkout.
    """

    metrics: pa.Table
    diagnostics: Mapping[str, Any]
    counts: Mapping[str, Any]
    nfm: Mapping[str, Any] | None
    settings: Mapping[str, Any]
    methods: tuple[str, ...]
    kinds: Mapping[str, str]
    versions: Mapping[str, str]
    fusions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    seeds: pa.Table | None = None
    commit: str | None = None
    confidence: float = 0.95

    @cached_property
    def _rows(self) -> dict[tuple[str, str, int], dict[str, Any]]:
        return {(row["method"], row["metric"], row["cutoff"]): row for row in self.metrics.to_pylist()}

    def row(self, method: str, metric: str, cutoff: int) -> dict[str, Any]:
        """The row of table METRICS."""
        return self._rows[method, metric, cutoff]

    @property
    def k(self) -> int:
        """Length of the lists."""
        return int(self.diagnostics["k"])

    @property
    def n_users(self) -> int:
        """Size of the subset."""
        return int(self.diagnostics["n_users"])

    @property
    def cutoffs(self) -> list[int]:
        """Those of Hits@N."""
        return [cutoff for method, metric, cutoff in self._rows if (method, metric) == (self.recommender, "hits")]

    @property
    def main_cutoffs(self) -> list[int]:
        """5 and 10, as far as the lists go."""
        return [cutoff for cutoff in self.cutoffs if cutoff in (5, 10)] or self.cutoffs[-1:]

    @property
    def all_rows(self) -> list[str]:
        """The recommender, the methods, the other references."""
        return [self.recommender, *self.methods, *REFERENCES]

    @property
    def recommender(self) -> str:
        """What the recommender's own order is called in table METRICS."""
        return str(self.settings.get("recommender", NFM))

    @property
    def lists_name(self) -> str:
        """The recommender's name in sentences."""
        return self.label(self.recommender)

    def label(self, method: str) -> str:
        """A method's name as readers see it."""
        return label_of(method, self.kinds)

    def of_kind(self, *kinds: str) -> list[str]:
        """The methods of these kinds."""
        return [name for name in self.methods if self.kinds[name] in kinds]
