"""How good a model is while it trains: NDCG@10 of a fixed sample of users on their valid items."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import torch

from microrank.evaluation.ndcg import ndcg
from microrank.nfm.folded_model import fold, score_catalogue
from microrank.nfm.histories import Histories
from microrank.nfm.model import NFM

CUTOFF = 10


@dataclass(frozen=True)
class Judge:
    """The sample: places of the users in `histories`, and the item_index of each one's valid item."""

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
        *,
        n_users: int,
        history_length: int,
        random: np.random.Generator,
    ) -> "Judge":
        """A judge over `n_users` users (or all, where there are fewer) drawn by `random`."""
        users = np.sort(
            random.choice(len(histories.users), min(n_users, len(histories.users)), replace=False)
        )
        valid = valid.sort_by("user_id")
        wanted = valid["item_id"].to_numpy()[
            np.searchsorted(valid["user_id"].to_numpy(), histories.users[users])
        ]
        items = items.sort_by("item_id")
        targets = items["item_index"].to_numpy()[
            np.searchsorted(items["item_id"].to_numpy(), wanted)
        ]
        return cls(histories, users, targets.astype(np.int64), history_length)

    @torch.no_grad()
    def ndcg_at_10(self, model: NFM) -> float:
        """Mean NDCG@10 over the whole catalogue, items of train masked; of equal scores, the valid item's comes last."""
        model.eval()
        folded = fold(model)
        device = model.items.weight.device
        ranks = []
        for first in range(0, len(self.users), folded.users_per_block):
            users = self.users[first : first + folded.users_per_block]
            history = torch.from_numpy(self.histories.newest(users, self.history_length)).to(device)
            scores = score_catalogue(folded, *model.history_state(history))
            rows, seen = self.histories.seen(users)
            scores[
                torch.from_numpy(rows).to(device), torch.from_numpy(seen).to(device)
            ] = -torch.inf
            target = torch.from_numpy(self.targets[first : first + len(users), None]).to(device)
            ranks.append((scores >= scores.gather(1, target)).sum(dim=1).cpu().numpy())
        return float(ndcg(np.concatenate(ranks), CUTOFF).mean())
