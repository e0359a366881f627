"""All that a report is written from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa

from microrank.evaluation.score import NFM, ORACLE, REFERENCES
from microrank.report.labels import label_of


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
        return {
            (row["method"], row["metric"], row["cutoff"]): row for row in self.metrics.to_pylist()
        }

    def row(self, method: str, metric: str, cutoff: int) -> dict[str, Any]:
        """The row of table METRICS."""
        return self._rows[method, metric, cutoff]

    def over_seeds(self, method: str, metric: str, cutoff: int) -> dict[str, Any] | None:
        """The row of table SEEDS; None where the study ran once, or nothing of the kind was repeated."""
        rows = self.seeds.to_pylist() if self.seeds is not None else []
        return next(
            (
                row
                for row in rows
                if (row["method"], row["metric"], row["cutoff"]) == (method, metric, cutoff)
            ),
            None,
        )

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
        return [
            cutoff
            for method, metric, cutoff in self._rows
            if (method, metric) == (self.recommender, "hits")
        ]

    @property
    def main_cutoffs(self) -> list[int]:
        """5 and 10; in lists that are no longer, the last at which an order matters."""
        below = sorted(cutoff for cutoff in self.cutoffs if cutoff < self.k)
        return (
            [cutoff for cutoff in below if cutoff in (5, 10)]
            or below[-1:]
            or sorted(self.cutoffs)[-1:]
        )

    @property
    def level(self) -> float:
        """At or below which a Holm-adjusted p-value counts as a difference."""
        return round(1 - self.confidence, 12)

    @property
    def n_tests(self) -> int:
        """Tests against the recommender that Holm's correction is over."""
        return sum(
            metric == "hr" and row["p_holm"] is not None
            for (_, metric, _), row in self._rows.items()
        )

    def tests(self, method: str, metric: str) -> list[dict[str, Any]]:
        """The rows of `metric` at the main cutoffs that hold a test."""
        rows = [self._rows.get((method, metric, cutoff)) for cutoff in self.main_cutoffs]
        return [row for row in rows if row and row["p_holm"] is not None]

    def difference(self, method: str, metric: str, cutoff: int) -> dict[str, Any] | None:
        """The row of method − recommender; None for the recommender, and where there is no interval to tell: an expectation, the oracle."""
        return (
            None if method == ORACLE else self._rows.get((method, f"{metric}_difference", cutoff))
        )

    @property
    def hits_only(self) -> bool:
        """Whether only users whose list holds the held-out item were drawn."""
        return bool(self.settings["subset"]["population"] == "hits")

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

    def has_language_model(self, method: str) -> bool:
        """Whether the method, or a part of it, asks a language model."""
        reranker = self.settings["rerankers"].get(method, {})
        return "llm" in reranker or any(
            self.has_language_model(part) for part in reranker.get("of", [])
        )

    def has_other_parts(self, fusion: str) -> bool:
        """Whether a fusion has parts besides the recommender and language models."""
        parts = self.settings["rerankers"].get(fusion, {}).get("of", [])
        return any(part != NFM and not self.has_language_model(part) for part in parts)
