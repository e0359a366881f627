"""How good a model is while it trains: NDCG@10 of a fixed sample of users on their valid items."""

from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import torch

from microrank.evaluation.ndcg import ndcg
from microrank.nfm.histories import Histories
from microrank.nfm.model import NFM
from microrank.nfm.ranked_blocks import Inputs, ranked_blocks, ranker_inputs
from microrank.nfm.settings import Recipe
from microrank.nfm.topk import Ranker
from microrank.tables import find_ids

CUTOFF = 10


@dataclass(frozen=True)
class ValidationSample:
    """Users, and the valid item of each.

    Attributes:
        histories: of all users, from train.
        users: places of the sample in `histories`, [n_users].
        targets: item_index of each one's valid item, [n_users].
        history_length: how many of a user's newest items the model sees.
    """

    histories: Histories
    users: np.ndarray
    targets: np.ndarray
    history_length: int

    @classmethod
    def of(
        cls,
        histories: Histories,
        valid: pa.Table,
        items: pa.Table,
        recipe: Recipe,
        random: np.random.Generator,
    ) -> "ValidationSample":
        """A sample of the recipe's `valid_users` users, or all where there are fewer.

        Args:
            histories: of all users, from train.
            valid: table SPLIT, one item a user.
            items: table ITEMS.
            recipe: how many users to draw, and how many of their newest items the model sees.
            random: draws the users.
        """
        n_all = len(histories.users)
        users = np.sort(random.choice(n_all, min(recipe.valid_users, n_all), replace=False))
        places = find_ids(valid["user_id"].to_numpy(), histories.users[users])
        valid_items = valid["item_id"].to_numpy()[places]
        places = find_ids(items["item_id"].to_numpy(), valid_items)
        targets = items["item_index"].to_numpy()[places].astype(np.int64)
        return cls(histories, users, targets, recipe.history_length)

    def ndcg_at_10(self, model: NFM) -> float:
        """Mean NDCG@10 of the valid items."""
        return float(ndcg(self.ranks(model), CUTOFF).mean())

    def ranks(self, model: NFM) -> np.ndarray:
        """Rank of each user's valid item among the first ten, items of train masked, [n_users].

        Ranks count from 1; 0 is below the tenth place. Of equal scores, the valid item's comes
        last. A model that is no longer finite ranks nobody: its next loss stops the training.
        """
        if not all(bool(torch.isfinite(part).all()) for part in model.state_dict().values()):
            return np.zeros(len(self.users), np.int64)
        exact_model = deepcopy(model).eval().to(torch.float64)
        n_items = len(model.items.weight) - 1
        ranker = Ranker.of(exact_model, np.arange(n_items + 1), min(CUTOFF + 1, n_items))

        def inputs(places: np.ndarray) -> Inputs:
            return ranker_inputs(
                exact_model, self.histories, self.users[places], self.history_length
            )

        ranks = np.zeros(len(self.users), np.int64)
        for places, (best, scores) in ranked_blocks(ranker, inputs, len(self.users)):
            hit = best == self.targets[places, None]
            score = np.where(hit, scores, -np.inf).max(axis=1)
            rank = (scores >= score[:, None]).sum(axis=1)
            ranks[places] = np.where(hit.any(axis=1) & (rank <= CUTOFF), rank, 0)
        return ranks
