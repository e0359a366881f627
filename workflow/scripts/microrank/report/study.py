"""All that a report is written from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa

from microrank.evaluation.attribution import Attribution
from microrank.evaluation.metrics import ORACLE, REFERENCES, MetricRow, main_cutoffs
from microrank.evaluation.noise import Noise
from microrank.evaluation.recommender import RecommenderMetrics
from microrank.evaluation.score import PRIMARY
from microrank.evaluation.seeds import SeedRow, seed_rows
from microrank.memory.newer import NewerRow
from microrank.memory.result import Memory
from microrank.methods import NFM
from microrank.report.claims import Claim
from microrank.report.results import Results
from microrank.seal import Seals


@dataclass(frozen=True, kw_only=True)
class Study(Results):
    """The results of one study, and how they came about.

    Attributes:
        counts: What counts.json of the splits holds.
        nfm: What metrics.json of the lists holds, whoever made them.
        settings: The parts of the config that shaped the results.
        versions: Package -> version.
        files: Name -> checksum of what else shaped the results: prompts, custom methods, lists.
        seeds: Table SEEDS; None where the study ran once.
        attribution: What moved the lists; None where no row asks a language model.
        noise: What further answers to the same questions changed; None where none were asked for.
        memory: What each model knows of the titles by heart; empty where that was not probed.
        newer: Hits on items that are newer than a model.
        item_date: The attribute of the data set that dates items; None where it has none.
        commit: Commit of the workflow; None outside a checkout.
        seals: What was fixed before the first question, and what changed since; None: not sealed.
        repository: Address of the workflow's repository; None where the checkout names none.
        written: When the report was written, UTC.
        machine: On what machine.
        metrics_path: From the report to metrics.csv.
        misfits: What `llm.about.misfit` says of the prompts.
        margin: Difference of hit rates below which they are as good as equal.
        claims: Published figures, to stand beside ours.
        at_limit: Sentences about trainings that ended while still improving.
    """

    counts: Mapping[str, Any]
    nfm: RecommenderMetrics | None
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    files: Mapping[str, str] = field(default_factory=dict)
    seeds: pa.Table | None = None
    attribution: Attribution | None = None
    noise: Noise | None = None
    memory: Sequence[Memory] = ()
    newer: Sequence[NewerRow] = ()
    item_date: str | None = None
    commit: str | None = None
    seals: Seals | None = None
    repository: str | None = None
    written: str = ""
    machine: str = ""
    metrics_path: str = "metrics.csv"
    misfits: Sequence[str] = ()
    margin: float = 0.05
    claims: Sequence[Claim] = ()
    at_limit: Sequence[str] = ()

    @cached_property
    def seed_rows(self) -> dict[tuple[str, str, int], SeedRow]:
        """The rows of table SEEDS by method, metric and cutoff; none where the study ran once."""
        rows = seed_rows(self.seeds) if self.seeds is not None else []
        return {(row.method, row.metric, row.cutoff): row for row in rows}

    @property
    def n_seeds(self) -> int:
        """How often the whole study ran."""
        return next((row.n_seeds for row in self.seed_rows.values()), 1)

    @property
    def cutoffs(self) -> list[int]:
        """The cutoffs N of Hits@N."""
        hits_rows = [row for row in self.rows if row.metric == "hits"]
        return [row.cutoff for row in hits_rows if row.method == self.recommender]

    @property
    def main_cutoffs(self) -> list[int]:
        """5 and 10; for lists of at most 5 items, the last cutoff at which an order matters."""
        return main_cutoffs(self.cutoffs, self.k)

    @property
    def last_cutoff(self) -> int:
        """The last of the main cutoffs."""
        return self.main_cutoffs[-1]

    @property
    def level(self) -> float:
        """At or below which a Holm-adjusted p-value counts as a difference."""
        return round(1 - self.confidence, 12)

    def n_tests(self, method: str) -> int:
        """Return the number of tests that Holm's correction of the method's verdict is over."""
        family = self.row(method, "hr", self.last_cutoff).family
        return sum(row.metric == "hr" and row.family == family for row in self.rows if row.family)

    def is_primary(self, method: str) -> bool:
        """Return whether the method belongs to the primary comparison."""
        return self.row(method, "hr", self.last_cutoff).family == PRIMARY

    def tests(self, method: str, metric: str) -> list[MetricRow]:
        """Return the rows of `metric` that decide a verdict.

        They are those at the main cutoffs that hold a test. Of the primary comparison it is one.
        """
        rows = [self.find_row(method, metric, cutoff) for cutoff in self.main_cutoffs]
        tests = [row for row in rows if row and row.p_holm is not None]
        return [row for row in tests if row.family == PRIMARY] or tests

    def hits(self, method: str) -> MetricRow:
        """Return the row of hits at the last main cutoff."""
        return self.row(method, "hits", self.last_cutoff)

    def difference(self, method: str, metric: str, cutoff: int) -> MetricRow | None:
        """Return the row of method − recommender.

        It is None where there is no interval: for the recommender, an expectation, and the oracle.
        """
        if method == ORACLE:
            return None
        return self.find_row(method, f"{metric}_difference", cutoff)

    @property
    def is_one_of_several(self) -> bool:
        """Whether the study has other recommenders, whose lists decide with these who is drawn."""
        return len(self.settings.get("recommenders", ())) > 1

    @property
    def is_popularity(self) -> bool:
        """Whether the recommender is popularity itself."""
        first = next(iter(self.settings.get("recommenders", ())), NFM)
        own = self.settings.get("recommender_settings", {}).get(first, {})
        return bool(own.get("model") == "popularity")

    @property
    def hits_of_any_list(self) -> bool:
        """Whether users were drawn of whom some recommender's list holds the held-out item."""
        return self.is_one_of_several and self.settings["subset"]["population"] == "hits"

    @property
    def hits_only(self) -> bool:
        """Whether only users whose list holds the held-out item were drawn."""
        return not self.is_one_of_several and self.settings["subset"]["population"] == "hits"

    @property
    def all_rows(self) -> list[str]:
        """The recommender, the methods, the other references."""
        return [self.recommender, *self.names, *REFERENCES]

    def has_other_parts(self, fusion: str) -> bool:
        """Return whether a fusion has parts besides the recommender and language models."""
        parts = self.methods[fusion].parts
        return not all(part.is_recommender or part.rests_on_llm for part in parts)
