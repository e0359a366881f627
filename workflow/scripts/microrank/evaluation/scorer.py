"""Compute the rows of table METRICS, one method at a time."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from microrank.evaluation.always_valid import always_valid_p, e_value
from microrank.evaluation.equivalence import equivalence_p_value, tango_interval
from microrank.evaluation.expectation import (
    Metric,
    shuffle_expectation,
    shuffle_hits_range,
    shuffle_p_value,
)
from microrank.evaluation.hit_rate import hit_rate
from microrank.evaluation.intervals import wilson_interval
from microrank.evaluation.metrics import RANDOM_EXPECTED, MetricRow, main_cutoffs
from microrank.evaluation.mrr import reciprocal_rank
from microrank.evaluation.ndcg import ndcg
from microrank.evaluation.paired import (
    joint_histogram,
    mcnemar,
    percentile_interval,
    resampled_means,
    wins_and_losses,
)
from microrank.evaluation.settings import Scoring
from microrank.methods import NFM
from microrank.seeds import generator

EQUIVALENCE_CONFIDENCE = 0.9  # of the interval that is equal to two one-sided tests at .05 each


class Measure(NamedTuple):
    """A metric at a cutoff. values: [k + 1], what it gives to each rank 0…k."""

    name: str
    metric: Metric
    cutoff: int
    values: np.ndarray


class Estimate(NamedTuple):
    """A mean over users, and its interval."""

    value: float
    ci_low: float | None
    ci_high: float | None


class Scorer:
    """Computes the rows of one study's methods.

    Args:
        scoring: Cutoffs, confidence and resamples.
        baseline: [n_users], the recommender's rank of each user's held-out item; 0: not in the
            list.
        k: Length of the lists.
        dataset: Name of the data set.
        seed: Seed of the bootstrap.
        recommender: What the recommender's own order is called.
    """

    def __init__(
        self,
        scoring: Scoring,
        baseline: np.ndarray,
        k: int,
        *,
        dataset: str,
        seed: int,
        recommender: str,
    ) -> None:
        self.scoring, self.baseline, self.k = scoring, baseline, k
        self.dataset, self.seed, self.recommender = dataset, seed, recommender
        self.n = len(baseline)
        self.n_in_list = int((baseline > 0).sum())
        ranks = np.arange(k + 1)
        self.rates = [
            Measure("hr", hit_rate, cutoff, hit_rate(ranks, cutoff))
            for cutoff in scoring.cutoffs
            if cutoff <= k
        ]
        self.hit_cutoffs = [measure.cutoff for measure in self.rates]
        ndcg_cutoff = min(10, k)
        self.means = [
            Measure("ndcg", ndcg, ndcg_cutoff, ndcg(ranks, ndcg_cutoff)),
            Measure("mrr", reciprocal_rank, k, reciprocal_rank(ranks, k)),
        ]
        self.measures = [*self.rates, *self.means]

    def rows(self, method: str, ranks: np.ndarray, *, tested: bool) -> list[MetricRow]:
        """Compute all rows of a method.

        Args:
            method: Its name.
            ranks: [n_users], where it puts each user's held-out item; 0: not in the list.
            tested: Whether it is compared by tests.
        """
        joint = joint_histogram(ranks, self.baseline, self.k)
        bootstrapped = self._bootstrap(method, joint)
        estimates = [
            *(self._rate(measure, joint) for measure in self.rates),
            *bootstrapped[: len(self.means)],
        ]
        rows = list(self._metric_rows(method, joint, estimates, tested=tested))
        if method != self.recommender:
            rows += self._difference_rows(method, bootstrapped[len(self.means) :])
        if tested:
            rows += self._over_random_rows(method, estimates)
        if tested and method != self.recommender:
            primary = main_cutoffs(self.hit_cutoffs, self.k)[-1]
            rows += [
                self._equivalence_row(row)
                for row in rows
                if (row.metric, row.cutoff) == ("hr", primary)
            ]
        return rows

    def shuffle_rows(self) -> list[MetricRow]:
        """Compute the rows of what a shuffle expects, with the range that single shuffles reach."""
        rows = []
        for name, metric, cutoff, _ in self.measures:
            mean = shuffle_expectation(metric, self.n_in_list, self.n, self.k, cutoff)
            row = replace(
                self._row(RANDOM_EXPECTED, name, cutoff, Estimate(mean, None, None)),
                baseline=self.recommender,
                delta=mean - float(metric(self.baseline, cutoff).mean()),
            )
            if name != "hr":
                rows.append(row)
                continue
            low, high = shuffle_hits_range(self.n_in_list, self.k, cutoff, self.scoring.confidence)
            row = replace(row, ci_low=low / self.n, ci_high=high / self.n)
            rows += [_as_counts(row), row]
        return rows

    def _rate(self, measure: Measure, joint: np.ndarray) -> Estimate:
        """Return a hit rate with Wilson's interval."""
        rate = self._mean(joint, measure.values[:, None])
        return Estimate(
            rate, *wilson_interval(round(rate * self.n), self.n, self.scoring.confidence)
        )

    def _bootstrap(self, method: str, joint: np.ndarray) -> list[Estimate]:
        """Return NDCG and MRR, then the differences of all measures, with bootstrap intervals."""
        values = np.stack([measure.values for measure in self.measures], axis=1)
        rank, baseline_rank = np.indices(joint.shape).reshape(2, -1)
        of_means = values[:, len(self.rates) :]
        quantities = np.concatenate([of_means[rank], values[rank] - values[baseline_rank]], axis=1)
        # The recommender has the same draw whatever it is called, so that a study replayed from its
        # lists has the same intervals.
        drawn_for = NFM if method == self.recommender else method
        resampled = resampled_means(
            quantities,
            joint.ravel(),
            self.scoring.bootstrap_samples,
            generator(self.seed, f"bootstrap of {drawn_for}"),
        )
        low, high = percentile_interval(resampled, self.scoring.confidence)
        mean = joint.ravel() @ quantities / self.n
        return [Estimate(*ends) for ends in zip(mean, low, high, strict=True)]

    def _mean(self, joint: np.ndarray, values: np.ndarray) -> float:
        """Return the mean over users of `values`, [k + 1, k + 1] or what spreads to it."""
        return float((joint * values).sum() / self.n)

    def _metric_rows(
        self, method: str, joint: np.ndarray, estimates: list[Estimate], *, tested: bool
    ) -> Iterator[MetricRow]:
        """Yield a row a measure, and before a hit rate that of the number of hits."""
        for measure, estimate in zip(self.measures, estimates, strict=True):
            row = self._row(method, measure.name, measure.cutoff, estimate)
            if method != self.recommender:
                row = self._compared(row, measure, joint, tested=tested)
            if measure.name == "hr":
                yield _as_counts(row)
            yield row

    def _compared(
        self, row: MetricRow, measure: Measure, joint: np.ndarray, *, tested: bool
    ) -> MetricRow:
        """Compare with the recommender. At cutoff k there is no test: all orders are equal."""
        values = measure.values
        wins, losses = wins_and_losses(values, joint)
        can_differ = tested and measure.name == "hr" and measure.cutoff < self.k
        evidence = e_value(wins, losses) if can_differ else None
        return replace(
            row,
            baseline=self.recommender,
            delta=self._mean(joint, values[:, None] - values[None, :]),
            wins=wins,
            losses=losses,
            p_value=mcnemar(wins, losses) if can_differ else None,
            e_value=evidence,
            p_always=always_valid_p(evidence) if evidence is not None else None,
        )

    def _equivalence_row(self, row: MetricRow) -> MetricRow:
        """Return the row `hr_equivalence` of a hit rate that was compared.

        Its interval is that of the two one-sided tests, and its p-value theirs.
        """
        wins, losses = row.wins or 0, row.losses or 0
        interval = tango_interval(wins, losses, self.n, EQUIVALENCE_CONFIDENCE)
        difference = Estimate((wins - losses) / self.n, *interval)
        return replace(
            self._row(row.method, "hr_equivalence", row.cutoff, difference),
            baseline=self.recommender,
            delta=difference.value,
            wins=wins,
            losses=losses,
            p_value=equivalence_p_value(wins, losses, self.n, self.scoring.margin),
        )

    def _difference_rows(self, method: str, estimates: list[Estimate]) -> Iterator[MetricRow]:
        for measure, estimate in zip(self.measures, estimates, strict=True):
            row = self._row(method, f"{measure.name}_difference", measure.cutoff, estimate)
            yield replace(row, baseline=self.recommender)

    def _over_random_rows(self, method: str, estimates: list[Estimate]) -> Iterator[MetricRow]:
        """Yield a test against a shuffle for each cutoff at which a shuffle matters."""
        for measure, estimate in zip(self.rates, estimates, strict=False):
            if measure.cutoff == self.k:
                continue
            expected = shuffle_expectation(hit_rate, self.n_in_list, self.n, self.k, measure.cutoff)
            over = Estimate(*(end - expected for end in estimate if end is not None))
            hits = round(estimate.value * self.n)
            yield replace(
                self._row(method, "hr_over_random", measure.cutoff, over),
                baseline=RANDOM_EXPECTED,
                delta=over.value,
                p_value=shuffle_p_value(hits, self.n_in_list, self.k, measure.cutoff),
            )

    def _row(self, method: str, metric: str, cutoff: int, estimate: Estimate) -> MetricRow:
        return MetricRow(self.dataset, method, metric, cutoff, *estimate, n_users=self.n)


def _as_counts(row: MetricRow) -> MetricRow:
    """Return the row of `hits` for that of `hr`: the same in users."""

    def users(share: float | None) -> float | None:
        return None if share is None else share * row.n_users

    return replace(
        row,
        metric="hits",
        value=row.value * row.n_users,
        ci_low=users(row.ci_low),
        ci_high=users(row.ci_high),
        delta=users(row.delta),
    )
