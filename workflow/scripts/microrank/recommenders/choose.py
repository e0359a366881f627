"""Which of a recommender's settings serves best on valid: `recommenders/{name}/trials.json`."""

import logging
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from microrank.evaluation.ndcg import ndcg
from microrank.recommenders.fitted import Fit, Interactions, Scores
from microrank.recommenders.grids import Setting
from microrank.recommenders.ranking import ranks_of
from microrank.recommenders.trials import Trial, Trials
from microrank.seeds import generator
from microrank.tables import Batches, find_ids

CUTOFF = 10
log = logging.getLogger(__name__)


def choose_setting(
    fit: Fit,
    settings: Sequence[Setting],
    train: Batches,
    valid: pa.Table,
    items: pa.Table,
    *,
    seed: int,
    valid_users: int,
) -> Trials:
    """Fit each setting to train, and judge it by NDCG@10 on the valid items of the same users.

    Args:
        fit: Fits the recommender.
        settings: Those to try.
        train: Table SPLIT.
        valid: Table SPLIT, one item a user.
        items: Table ITEMS, and further columns of the catalogue.
        seed: Of the study; it draws the users.
        valid_users: How many users judge.
    """
    data = Interactions.of([train], items)
    users, targets = _sample(data, valid, valid_users, seed)

    def judge(scores: Scores) -> float:
        return round(float(ndcg(ranks_of(scores, data, users, targets), CUTOFF).mean()), 9)

    trials = []
    for setting in settings:
        fitted = fit(data, setting, seed, judge)
        quality = max(fitted.curve) if fitted.curve else judge(fitted.scores)
        trials.append(Trial(setting, quality, fitted.curve))
        log.info("%s: NDCG@10 %.4f on valid", setting, quality)
    return Trials(len(users), tuple(trials))


def _sample(
    data: Interactions, valid: pa.Table, n: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """The places of the users who judge, and the item_index of each one's valid item."""
    n_all = len(data.histories.users)
    random = generator(seed, "users of trials")
    users = np.sort(random.choice(n_all, min(n, n_all), replace=False))
    places = find_ids(valid["user_id"].to_numpy(), data.histories.users[users])
    wanted = valid["item_id"].to_numpy()[places]
    found = find_ids(data.items["item_id"].to_numpy(), wanted)
    return users, data.items["item_index"].to_numpy()[found].astype(np.int64)
