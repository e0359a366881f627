"""How good every method is, and whether it differs from the recommender's own order by chance."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa

from microrank.evaluation.holm import holm
from microrank.evaluation.metrics import (
    METRICS,
    ORACLE,
    RANDOM_DRAW,
    MetricRow,
    as_table,
    main_cutoffs,
)
from microrank.evaluation.ranks import as_ranking, candidate_lists, ground_truth_ranks
from microrank.evaluation.scorer import Scorer
from microrank.evaluation.settings import Scoring
from microrank.methods import NFM
from microrank.seeds import generator

PRIMARY, EXPLORATORY = "primary", "exploratory"  # families of tests


def score_rankings(
    rankings: Mapping[str, pa.Table],
    subset: pa.Table,
    scoring: Scoring,
    *,
    dataset: str,
    seed: int,
    recommender: str = NFM,
    primary: Collection[str] = (),
) -> pa.Table:
    """Compute all metrics of all methods and references.

    `hits` are counts and `hr` shares of users, with Wilson intervals. `ndcg` and `mrr` have
    bootstrap intervals. `hr_difference`, `ndcg_difference` and `mrr_difference` are means over
    users of method − recommender, with paired bootstrap intervals. The interval of the row "random
    (expected)" is the range that single shuffles reach.

    The p_value of `hits` and `hr` is that of the exact McNemar test. `hr_equivalence` is the
    difference at the last main cutoff with the 90 % interval and the p-value of two one-sided tests
    against the margin. The primary comparison is that of the methods `primary` with the recommender
    at that cutoff; all other tests are exploratory. `hr_over_random` is the hit rate less what a
    shuffle expects, for the methods and the recommender, with the exact p-value of that many hits
    of a shuffle.

    Holm's correction is within five families: tests for a difference, primary and exploratory;
    tests of equivalence, primary and exploratory; tests against a shuffle. The exploratory ones are
    over all methods, and over those cutoffs at which lists of the same items can differ. No
    interval is adjusted.

    Args:
        rankings: method -> table RANKINGS, each a permutation of every user's candidates.
        subset: Table SUBSET.
        scoring: Cutoffs, confidence and resamples.
        dataset: Its name.
        seed: Seed of the bootstrap and of the one random draw.
        recommender: What the subset's own order is called.
        primary: Methods of the primary comparison.

    Returns:
        Table METRICS.

    Raises:
        StudyError: A ranking is no permutation of the candidates.
    """
    k = candidate_lists(subset).shape[1]
    baseline = ground_truth_ranks(recommender, as_ranking(subset), subset)
    ranks = {name: ground_truth_ranks(name, ranking, subset) for name, ranking in rankings.items()}
    rows = score_ranks(
        ranks,
        baseline,
        k,
        scoring,
        dataset=dataset,
        seed=seed,
        recommender=recommender,
        primary=primary,
    )
    return as_table(rows, METRICS)


def score_ranks(
    ranks: Mapping[str, np.ndarray],
    baseline: np.ndarray,
    k: int,
    scoring: Scoring,
    *,
    dataset: str,
    seed: int,
    recommender: str = NFM,
    primary: Collection[str] = (),
) -> list[MetricRow]:
    """Compute the rows of table METRICS from where each method puts the held-out items.

    Args:
        ranks: method -> [n_users], rank of each user's held-out item, from 1; 0 where the list
            lacks it.
        baseline: The same of the recommender.
        k: Length of the lists.
        scoring: Cutoffs, confidence and resamples.
        dataset: Its name.
        seed: Seed of the bootstrap and of the one random draw.
        recommender: What the recommender's own order is called.
        primary: Methods of the primary comparison.
    """
    scorer = Scorer(scoring, baseline, k, dataset=dataset, seed=seed, recommender=recommender)
    tested = [
        row
        for name, of_method in {recommender: baseline, **ranks}.items()
        for row in scorer.rows(name, of_method, tested=True)
    ]
    primary_cutoff = main_cutoffs(scorer.hit_cutoffs, k)[-1]

    def is_primary(row: MetricRow) -> bool:
        return row.method in primary and row.cutoff == primary_cutoff

    tested = _adjusted(tested, ("hr", "hits"), PRIMARY, is_primary)
    tested = _adjusted(tested, ("hr", "hits"), EXPLORATORY, lambda row: not is_primary(row))
    tested = _adjusted(tested, ("hr_equivalence",), PRIMARY, is_primary)
    tested = _adjusted(tested, ("hr_equivalence",), EXPLORATORY, lambda row: not is_primary(row))
    tested = _adjusted(tested, ("hr_over_random",), EXPLORATORY, lambda row: True)
    shuffled = generator(seed, "random draw").integers(1, k + 1, len(baseline))
    one_draw = np.where(baseline > 0, shuffled, 0)
    best_possible = np.minimum(baseline, 1)
    return [
        *tested,
        *scorer.shuffle_rows(),
        *scorer.rows(RANDOM_DRAW, one_draw, tested=False),
        *scorer.rows(ORACLE, best_possible, tested=False),
    ]


def _adjusted(
    rows: list[MetricRow],
    metrics: tuple[str, ...],
    family: str,
    belongs: Callable[[MetricRow], bool],
) -> list[MetricRow]:
    """Apply Holm's correction within a family of tests.

    Args:
        rows: All rows.
        metrics: The metric that is tested, then those whose rows repeat the same tests.
        family: Its name.
        belongs: Whether a test is in the family.
    """
    in_family = [row for row in rows if row.p_value is not None and belongs(row)]
    tests = [row for row in in_family if row.metric == metrics[0]]
    p_holm = holm(np.array([row.p_value for row in tests], np.float64))
    of_test = {(row.method, row.cutoff): p for row, p in zip(tests, p_holm, strict=True)}
    return [
        replace(row, p_holm=of_test[row.method, row.cutoff], family=family)
        if row.metric in metrics and (row.method, row.cutoff) in of_test
        else row
        for row in rows
    ]
