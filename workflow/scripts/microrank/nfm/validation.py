"""How good a model is while it trains: NDCG@10 of a fixed sample of users on their valid items."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import torch

from microrank.evaluation.ndcg import ndcg
from microrank.nfm.folded_model import FoldedModel, fold, score_catalogue
from microrank.nfm.histories import Histories
from microrank.nfm.model import NFM
from microrank.nfm.settings import Recipe
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

    @torch.no_grad()
    def ranks(self, model: NFM) -> np.ndarray:
        """Rank of each user's valid item in the whole catalogue, items of train masked, [n_users].

        Ranks count from 1. Of equal scores, the valid item's comes last.
        """
        folded = fold(model.eval())
        step = folded.users_per_block
        parts = [
            self._ranks_of_block(model, folded, slice(first, first + step))
            for first in range(0, len(self.users), step)
        ]
        return np.concatenate(parts)

    def _ranks_of_block(self, model: NFM, folded: FoldedModel, rows: slice) -> np.ndarray:
        device = model.items.weight.device
        users = self.users[rows]
        history = torch.from_numpy(self.histories.newest(users, self.history_length)).to(device)
        scores = score_catalogue(folded, *model.history_state(history))
        row, item = (torch.from_numpy(part).to(device) for part in self.histories.seen(users))
        scores[row, item] = -torch.inf
        target = torch.from_numpy(self.targets[rows, None]).to(device)
        return (scores >= scores.gather(1, target)).sum(dim=1).cpu().numpy()
