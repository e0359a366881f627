"""A re-ranker that is learned from the tuning users: a conditional logit over other methods.

McFadden, Conditional logit analysis of qualitative choice behavior, in Frontiers in Econometrics,
1974: the held-out item is the one of a user's candidates that was chosen.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from microrank.evaluation.ndcg import ndcg
from microrank.rerank.parts import Part, standardised

PENALTIES = (10.0, 1.0, 0.1, 100.0, 1000.0)  # of equally good values the first is taken
FOLDS = 5
MOST_STEPS = 50
SMALL = 1e-9  # a step of Newton's method below which it ends


def features_of(parts: Sequence[Part], users: np.ndarray) -> np.ndarray:
    """What each part says of each candidate, within the user: [n_users, k, n_parts].

    Args:
        parts: As in `rerank.parts`.
        users: [n_users · k], the user of each candidate.
    """
    columns = [standardised(part.strengths, users) for part in parts]
    return np.stack(columns, axis=1).reshape(int(users[-1]) + 1, -1, len(parts))


def truth_places(subset: pa.Table) -> np.ndarray:
    """[n_users], the place (from 0) of each held-out item among the candidates."""
    k = len(subset["candidates"][0])
    lists = subset["candidates"].combine_chunks().flatten().to_numpy().reshape(-1, k)
    return (lists == subset["ground_truth"].to_numpy()[:, None]).argmax(axis=1)


def fit_weights(features: np.ndarray, truth: np.ndarray, penalty: float) -> np.ndarray:
    """Fit a weight for each feature, by Newton's method.

    The weights w maximise Σ log softmax(features · w)[truth] − penalty · |w|² / 2, which has one
    maximum.

    Args:
        features: [n_users, k, m].
        truth: [n_users], the place of the item that was chosen.
        penalty: Above 0.

    Returns:
        [m].
    """
    weights = np.zeros(features.shape[2])
    chosen = np.take_along_axis(features, truth[:, None, None], axis=1)[:, 0]
    for _ in range(MOST_STEPS):
        p = _softmax(features @ weights)
        mean = np.einsum("uk,ukm->um", p, features)
        gradient = (chosen - mean).sum(axis=0) - penalty * weights
        second = np.einsum("uk,ukm,ukn->mn", p, features, features) - mean.T @ mean
        step = np.linalg.solve(second + penalty * np.eye(len(weights)), gradient)
        weights = weights + step
        if np.abs(step).max() < SMALL:
            break
    return weights


def tried_penalties(features: np.ndarray, truth: np.ndarray, cutoff: int) -> list[np.ndarray]:
    """NDCG of each user with weights that were fitted to other users, for each penalty.

    Args:
        features: [n_users, k, m].
        truth: [n_users].
        cutoff: N of the NDCG.

    Returns:
        For each of `PENALTIES` [n_users].
    """
    fold = np.arange(len(truth)) % FOLDS
    tried = []
    for penalty in PENALTIES:
        values = np.zeros(len(truth))
        for held_out in range(FOLDS):
            mine = fold == held_out
            if mine.all() or not mine.any():
                continue
            weights = fit_weights(features[~mine], truth[~mine], penalty)
            values[mine] = ndcg(_ranks(features[mine] @ weights, truth[mine]), cutoff)
        tried.append(values)
    return tried


def _softmax(scores: np.ndarray) -> np.ndarray:
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def _ranks(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Rank of the chosen item from 1; ties keep the candidates' order."""
    of_truth = np.take_along_axis(scores, truth[:, None], axis=1)
    before = (scores == of_truth) & (np.arange(scores.shape[1]) < truth[:, None])
    return 1 + ((scores > of_truth) | before).sum(axis=1)
