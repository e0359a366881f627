"""How good every method is, and whether it differs from the recommender's own order by more than chance."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from microrank.evaluation.expectation import (
    Metric,
    shuffle_expectation,
    shuffle_hits_range,
    shuffle_p_value,
)
from microrank.evaluation.hit_rate import hit_rate
from microrank.evaluation.holm import holm
from microrank.evaluation.intervals import wilson_interval
from microrank.evaluation.mrr import reciprocal_rank
from microrank.evaluation.ndcg import ndcg
from microrank.evaluation.paired import (
    joint_histogram,
    mcnemar,
    percentile_interval,
    resampled_means,
    wins_and_losses,
)
from microrank.evaluation.ranks import candidate_lists, ground_truth_ranks
from microrank.evaluation.settings import Scoring
from microrank.seeds import generator

NFM, RANDOM_EXPECTED, RANDOM_DRAW, ORACLE = (
    "nfm",
    "random (expected)",
    "random (one draw)",
    "oracle",
)
REFERENCES = (RANDOM_EXPECTED, RANDOM_DRAW, ORACLE)
_TEXT, _COUNT, _NUMBER = pa.string(), pa.int64(), pa.float64()
METRICS = pa.schema(
    {
        **{
            "dataset": _TEXT,
            "method": _TEXT,
            "metric": _TEXT,
            "cutoff": _COUNT,
            "value": _NUMBER,
            "ci_low": _NUMBER,
            "ci_high": _NUMBER,
        },
        **{
            "n_users": _COUNT,
            "baseline": _TEXT,
            "delta": _NUMBER,
            "wins": _COUNT,
            "losses": _COUNT,
            "p_value": _NUMBER,
            "p_holm": _NUMBER,
        },
    }
)
Row = dict[str, Any]


def score_rankings(
    rankings: Mapping[str, pa.Table],
    subset: pa.Table,
    scoring: Scoring,
    *,
    dataset: str,
    seed: int,
    recommender: str = NFM,
) -> pa.Table:
    """All metrics of all methods and references, table METRICS.

    `hits` are counts and `hr` shares of users, with Wilson intervals; `ndcg` and `mrr` have bootstrap intervals. `hr_difference`,
    `ndcg_difference` and `mrr_difference` are means over users of method − recommender, with paired bootstrap intervals. The range of the
    row "random (expected)" holds what single shuffles reach. p_value is that of the exact McNemar test; Holm's correction is over all
    methods and those cutoffs at which lists of the same items can differ. `hr_over_random` is the hit rate less what a shuffle expects,
    for the methods and the recommender, with the exact p-value of that many hits of a shuffle; its rows are a family of their own to Holm.
    No interval is adjusted.

    Args:
        rankings: method -> table RANKINGS, each a permutation of every user's candidates. subset: table SUBSET.
        recommender: what the subset's own order is called.

    Raises:
        StudyError: a ranking is no permutation of the candidates.
    """
    k = candidate_lists(subset).shape[1]
    baseline = ground_truth_ranks(recommender, _as_ranking(subset), subset)
    ranks = {name: ground_truth_ranks(name, ranking, subset) for name, ranking in rankings.items()}
    rows = score_ranks(
        ranks, baseline, k, scoring, dataset=dataset, seed=seed, recommender=recommender
    )
    return pa.Table.from_pylist(
        [{name: _rounded(value) for name, value in row.items()} for row in rows], schema=METRICS
    )


def score_ranks(
    ranks: Mapping[str, np.ndarray],
    baseline: np.ndarray,
    k: int,
    scoring: Scoring,
    *,
    dataset: str,
    seed: int,
    recommender: str = NFM,
) -> list[Row]:
    """The rows of table METRICS, from where each method puts the held-out items.

    Args:
        ranks: method -> [n_users], rank of each user's held-out item, from 1; 0 where the list lacks it. baseline: the recommender's.
        k: length of the lists.
    """
    shuffled = generator(seed, "random draw").integers(1, k + 1, len(baseline))
    drawn = np.where(baseline > 0, shuffled, 0)
    scorer = _Scorer(scoring, baseline, k, dataset=dataset, seed=seed, recommender=recommender)
    rows = [
        row
        for name, of_method in [(recommender, baseline), *ranks.items()]
        for row in scorer.rows(name, of_method, tested=True)
    ]
    _adjust(rows, "hr", "hits")
    _adjust(rows, "hr_over_random")
    rows += scorer.expected_rows()
    for name, of_method in ((RANDOM_DRAW, drawn), (ORACLE, np.minimum(baseline, 1))):
        rows += scorer.rows(name, of_method, tested=False)
    return rows


class _Scorer:
    """The rows of one study's methods."""

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
        self.in_list = int((baseline > 0).sum())
        self.hit_cutoffs = [cutoff for cutoff in scoring.cutoffs if cutoff <= k]
        others: list[tuple[str, Metric, int]] = [
            ("ndcg", ndcg, min(10, k)),
            ("mrr", reciprocal_rank, k),
        ]
        self.measured = [("hr", hit_rate, cutoff) for cutoff in self.hit_cutoffs] + others
        self.values = np.stack(
            [metric(np.arange(k + 1), cutoff) for _, metric, cutoff in self.measured], axis=1
        )  # [rank, measured]

    def rows(self, method: str, ranks: np.ndarray, *, tested: bool) -> list[Row]:
        joint = joint_histogram(ranks, self.baseline, self.k)
        cells = np.indices(joint.shape).reshape(2, -1)
        of_method, of_baseline = self.values[cells[0]], self.values[cells[1]]
        quantities = np.concatenate([of_method, of_method - of_baseline], axis=1)
        m, n_rates = len(self.measured), len(self.hit_cutoffs)
        # One draw for the recommender whatever it is called, so that a study replayed from its lists has the same intervals.
        random = generator(
            self.seed, f"bootstrap of {NFM if method == self.recommender else method}"
        )
        means = resampled_means(
            quantities[:, n_rates:], joint.ravel(), self.scoring.bootstrap_samples, random
        )
        bounds = np.stack(percentile_interval(means, self.scoring.confidence), axis=1)
        mean = joint.ravel() @ quantities / self.n
        rates = [
            wilson_interval(round(mean[i] * self.n), self.n, self.scoring.confidence)
            for i in range(n_rates)
        ]
        low, high = np.concatenate([np.array(rates).reshape(-1, 2), bounds]).T
        rows = []
        for i, (name, _, cutoff) in enumerate(self.measured):
            row = self._row(method, name, cutoff, mean[i], (low[i], high[i]))
            if method != self.recommender:
                row |= self._compared(joint, i, tested=tested)
            rows += [*([_as_counts(row)] if name == "hr" else []), row]
        if method != self.recommender:
            for i, (name, _, cutoff) in enumerate(self.measured, start=m):
                rows.append(
                    self._row(method, f"{name}_difference", cutoff, mean[i], (low[i], high[i]))
                    | {"baseline": self.recommender}
                )
        if tested:
            rows += [
                self._over_random(method, *one)
                for one in zip(self.hit_cutoffs, mean, low, high, strict=False)
                if one[0] < self.k
            ]
        return rows

    def _compared(self, joint: np.ndarray, i: int, *, tested: bool) -> Row:
        name, _, cutoff = self.measured[i]
        values = self.values[:, i]
        wins, losses = wins_and_losses(values, joint)
        delta = float((joint * (values[:, None] - values[None, :])).sum() / self.n)
        can_differ = tested and name == "hr" and cutoff < self.k
        return {
            "baseline": self.recommender,
            "delta": delta,
            "wins": wins,
            "losses": losses,
            "p_value": mcnemar(wins, losses) if can_differ else None,
        }

    def _over_random(self, method: str, cutoff: int, rate: float, low: float, high: float) -> Row:
        expected = shuffle_expectation(hit_rate, self.in_list, self.n, self.k, cutoff)
        row = self._row(
            method, "hr_over_random", cutoff, rate - expected, (low - expected, high - expected)
        )
        p_value = shuffle_p_value(round(rate * self.n), self.in_list, self.k, cutoff)
        return row | {"baseline": RANDOM_EXPECTED, "delta": rate - expected, "p_value": p_value}

    def expected_rows(self) -> list[Row]:
        rows = []
        for name, metric, cutoff in self.measured:
            mean = shuffle_expectation(metric, self.in_list, self.n, self.k, cutoff)
            row = self._row(RANDOM_EXPECTED, name, cutoff, mean, (None, None))
            if name == "hr":
                low, high = shuffle_hits_range(
                    self.in_list, self.k, cutoff, self.scoring.confidence
                )
                row |= {"ci_low": low / self.n, "ci_high": high / self.n}
            of_baseline = float(metric(self.baseline, cutoff).mean())
            row |= {"baseline": self.recommender, "delta": mean - of_baseline}
            rows += [*([_as_counts(row)] if name == "hr" else []), row]
        return rows

    def _row(
        self,
        method: str,
        metric: str,
        cutoff: int,
        value: float,
        interval: tuple[float | None, float | None],
    ) -> Row:
        row = dict.fromkeys(METRICS.names) | {
            "dataset": self.dataset,
            "method": method,
            "metric": metric,
            "cutoff": cutoff,
        }
        return row | {
            "value": value,
            "ci_low": interval[0],
            "ci_high": interval[1],
            "n_users": self.n,
        }


def _adjust(rows: list[Row], metric: str, *also: str) -> None:
    """Holm's correction over all tests of `metric`; the rows of the metrics `also` tell of the same tests."""
    tested = [row for row in rows if row["metric"] == metric and row["p_value"] is not None]
    adjusted = holm(np.array([row["p_value"] for row in tested], np.float64))
    by_key = {(row["method"], row["cutoff"]): p for row, p in zip(tested, adjusted, strict=True)}
    for row in rows:
        if row["metric"] in (metric, *also) and row["p_value"] is not None:
            row["p_holm"] = by_key[row["method"], row["cutoff"]]


def _as_counts(row: Row) -> Row:
    scaled = {
        name: None if row[name] is None else row[name] * row["n_users"]
        for name in ("value", "ci_low", "ci_high", "delta")
    }
    return row | {"metric": "hits"} | scaled


def _as_ranking(subset: pa.Table) -> pa.Table:
    """The recommender's own order."""
    lists = candidate_lists(subset)
    n, k = lists.shape
    users = np.repeat(subset["user_id"].to_numpy(), k)
    return pa.table(
        {"user_id": users, "rank": np.tile(np.arange(1, k + 1), n), "item_id": lists.ravel()}
    )


def _rounded(value: Any) -> Any:
    """Nine significant digits: beyond them, bits depend on the processor."""
    return float(f"{value:.9g}") + 0.0 if isinstance(value, float) else value
