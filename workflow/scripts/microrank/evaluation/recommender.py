"""How good the recommender's lists are, over all users and the full catalogue."""

from typing import Any

import numpy as np

from microrank.evaluation.hit_rate import hit_rate
from microrank.evaluation.hits import find_held_out_items
from microrank.evaluation.ndcg import ndcg
from microrank.tables import Batches

CUTOFFS = (5, 10, 20)


def evaluate_nfm(
    recommendations: Batches, test: Batches, trained_items: np.ndarray
) -> dict[str, Any]:
    """Hit rate and NDCG at 5, 10 and 20 (as far as the lists go), over all users who have a list and over those whose held-out item was
    trained on.

    An item that no training chunk holds cannot be learnt from ids alone, so the share of users with such a held-out item bounds what any
    recommender of this kind can reach: `ceiling` = 1 − `share_never_trained`.

    Args:
        recommendations: table RECOMMENDATIONS.
        test: table SPLIT, one held-out item a user.
        trained_items: item ids that the recommender was trained on.

    Returns:
        n_users, hit_users (whose list holds the held-out item), share_never_trained, ceiling, and for `all_users` and
            `trained_targets`: n_users, HR@N, NDCG@N.

    Raises:
        StudyError: there are lists of users who are not in the test split.
    """
    users, ground_truth, ranks, list_length = find_held_out_items(recommendations, test)
    trained = np.isin(ground_truth, trained_items)
    share = 1 - float(trained.mean())
    return {
        "n_users": len(users),
        "hit_users": int((ranks > 0).sum()),
        "share_never_trained": round(share, 6),
        "ceiling": round(1 - share, 6),
        "all_users": _metrics(ranks, list_length),
        "trained_targets": _metrics(ranks[trained], list_length),
    }


def _metrics(ranks: np.ndarray, list_length: int) -> dict[str, float]:
    cutoffs = [cutoff for cutoff in CUTOFFS if cutoff <= list_length]
    found = {
        f"{name}@{n}": metric(ranks, n)
        for name, metric in (("HR", hit_rate), ("NDCG", ndcg))
        for n in cutoffs
    }
    return {"n_users": len(ranks)} | {
        name: round(float(values.mean()), 6) if len(ranks) else 0.0
        for name, values in found.items()
    }
