"""The k best items of a block of users, bit for bit the same on every processor.

Matrix products differ in their last bits from one shape, library or processor to the next, and a
list cut off at k would differ with them. So fast float32 arithmetic only screens: bounds say which
items may belong to the top k. Those few are scored again in float64, rounded to float32, and sorted
by score, then item id.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from microrank.nfm.folded_model import BLOCK_SCORES, FoldedModel, fold, layer_sums
from microrank.nfm.model import NFM
from microrank.nfm.score_bound import UNIT, ScoreBound

CANDIDATES = 64  # whose exact scores say how good an item of the top k is at least
MOST_CONTENDERS = 512  # of a user, to be scored exactly together with the rest of a block
ITEMS_AT_ONCE = 4096  # of a user who has more
BOUND_WEIGHTS, BOUND_USERS = 2**21, 64  # users × hidden × d and users of a block with `bound`


@dataclass(frozen=True)
class Ranker:
    """Ranks the catalogue.

    Attributes:
        exact: the model folded in float64; it decides.
        items: its item vectors v, float32, [n_items + 1, d].
        longest: the largest ‖v‖.
        signs: signs of w2, float32, [h].
        id_order: place of every item in the order of raw ids, from 1, [n_items + 1].
        k: length of a list.
        bound: leaves few items to be scored in float32; None on a GPU, which rather scores all.
    """

    exact: FoldedModel
    items: torch.Tensor
    longest: float
    signs: torch.Tensor
    id_order: torch.Tensor
    k: int
    bound: ScoreBound | None

    @classmethod
    def of(cls, model: NFM, item_ids: np.ndarray, k: int) -> "Ranker":
        """A ranker for `model`, on its device.

        Args:
            model: an NFM.
            item_ids: raw ids by item_index, [n_items + 1].
            k: length of a list.
        """
        exact = fold(model, torch.float64)
        id_order = np.zeros(len(item_ids), np.int64)
        id_order[1 + np.argsort(item_ids[1:])] = np.arange(1, len(item_ids))
        return cls(
            exact,
            exact.items.float(),
            float(torch.linalg.vector_norm(exact.items, dim=1).max()),
            exact.signs.float(),
            torch.from_numpy(id_order).to(exact.items.device),
            k,
            ScoreBound.of(exact) if exact.items.device.type == "cpu" else None,
        )

    @property
    def users_per_block(self) -> int:
        """How many users are best ranked at a time."""
        if self.bound is None:
            return self.exact.users_per_block
        by_weights = max(8, BOUND_WEIGHTS // self.exact.hidden_weight.numel())
        return max(1, min(BOUND_USERS, by_weights, BLOCK_SCORES // len(self.items)))

    @torch.no_grad()
    def top_k(
        self, sums: torch.Tensor, halves: torch.Tensor, seen: tuple[torch.Tensor, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The k best unseen items of a block of users, by score rounded to float32, then by raw id.

        Args:
            sums: S of the users, [n_users, d], float64.
            halves: F of the users, [n_users, d], float64.
            seen: (row, item_index) of what must not be recommended; everyone has k items left.

        Returns:
            item_index [n_users, k], and scores [n_users, k], float32.
        """
        weights, bias = self.exact.user_layers(sums, halves)
        fast = weights.float(), bias.float(), self._margins(weights, bias)
        if self.bound:
            ceilings = self.bound.ceilings(self.exact.scale * sums, weights, bias)
        else:
            ceilings = layer_sums(self.items, *fast[:2], self.signs).add_(fast[2][:, None])
        ceilings = self._tied_at_zero(ceilings, self.id_order)
        ceilings[:, 0] = -torch.inf
        ceilings[seen] = -torch.inf
        least = self._least(ceilings, weights, bias)
        row, item = torch.nonzero(_reach(ceilings, least[:, None]), as_tuple=True)
        contenders = item.split(torch.bincount(row, minlength=len(sums)).tolist())
        if self.bound:
            users = zip(contenders, least, *fast, strict=True)
            contenders = tuple(self._screened(*user) for user in users)
        return self._ranked(contenders, weights, bias)

    def _least(
        self, ceilings: torch.Tensor, weights: torch.Tensor, bias: torch.Tensor
    ) -> torch.Tensor:
        """A lower bound of each user's k-th best score, [n_users], as exact scores of k items are.

        With a last ReLU and fewer than k positive scores it is the place of the k-th surely zero.
        """
        highest = ceilings.topk(min(max(CANDIDATES, 2 * self.k), ceilings.shape[1]))
        scores = self._exact_scores(weights, bias, highest.indices)
        scores.masked_fill_(highest.values == -torch.inf, -torch.inf)
        least = scores.topk(self.k).values[:, -1]
        if self.exact.relu_on_score:
            first_zeros = ceilings.masked_fill(ceilings >= 0, -torch.inf).topk(self.k).values[:, -1]
            least = torch.where(least > 0, least, first_zeros)
        # Above the −inf of what must not be recommended.
        return least.clamp_(min=torch.finfo(least.dtype).min)

    def _screened(
        self,
        contenders: torch.Tensor,
        least: torch.Tensor,
        weights: torch.Tensor,
        bias: torch.Tensor,
        margin: torch.Tensor,
    ) -> torch.Tensor:
        """Those of one user's contenders whose float32 score may reach `least`."""
        kept = []
        for items in contenders.split(ITEMS_AT_ONCE):
            # Not by oneDNN, which compiles, and keeps, code for every number of items.
            hidden = torch.addmm(bias, self.items.index_select(0, items), weights.T).relu_()
            ceilings = self._tied_at_zero(hidden.mv(self.signs).add_(margin), self.id_order[items])
            kept.append(items[_reach(ceilings, least)])
        return torch.cat(kept)

    def _margins(self, weights: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """By how much a float32 score without b2 may fall short of an exact one, and b2: [n_users].

        For n products added up in float32 in whatever order the error is at most n·2⁻²⁴ (and a
        little) of the sum of their absolute values (Higham, Accuracy and Stability of Numerical
        Algorithms, 2002, §3.1). That sum is at most ‖W‖·‖v‖ + |b| of a hidden unit, summed over
        these, as |w2| is part of W and b.

        Args:
            weights: of the users' layers, [n_users, h, d], float64.
            bias: of the same, [n_users, h].
        """
        sizes = self.longest * torch.linalg.vector_norm(weights, dim=2).sum(dim=1)
        sizes += bias.abs().sum(dim=1) + self.exact.output_bias.abs()
        roundings = 1.02 * UNIT * (sum(weights.shape[1:]) + 16)
        return (self.exact.output_bias + roundings * sizes + 1e-30).float()

    def _tied_at_zero(self, ceilings: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """With a last ReLU, whatever is surely not positive scores exactly 0, and all of these tie.

        They get minus their place by id, so that the larger bound is still the better item.
        """
        if not self.exact.relu_on_score:
            return ceilings
        return torch.where(ceilings <= 0, -places.float(), ceilings)

    def _ranked(
        self, contenders: Sequence[torch.Tensor], weights: torch.Tensor, bias: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The k best of each user's contenders, as `top_k` gives them."""
        few = [items if len(items) <= MOST_CONTENDERS else items[:0] for items in contenders]
        chosen = pad_sequence(few, batch_first=True)
        chosen = torch.nn.functional.pad(chosen, (0, max(0, self.k - chosen.shape[1])))
        best, scores = self._best(chosen, self._exact_scores(weights, bias, chosen))
        for user, items in enumerate(contenders):
            if len(items) > MOST_CONTENDERS:
                parts = [
                    self._exact_scores(weights[user : user + 1], bias[user : user + 1], part[None])
                    for part in items.split(ITEMS_AT_ONCE)
                ]
                (best[user],), (scores[user],) = self._best(items[None], torch.cat(parts, dim=1))
        return best, scores

    def _exact_scores(
        self, weights: torch.Tensor, bias: torch.Tensor, chosen: torch.Tensor
    ) -> torch.Tensor:
        """Scores of items `chosen` (item_index, [n_users, m]); padding scores −inf.

        They are computed in float64 and rounded to float32, [n_users, m].
        """
        hidden = torch.baddbmm(bias[:, None, :], self.exact.items[chosen], weights.mT).relu_()
        scores = hidden @ self.exact.signs + self.exact.output_bias
        return (
            (scores.relu_() if self.exact.relu_on_score else scores)
            .float()
            .masked_fill_(chosen == 0, -torch.inf)
        )

    def _best(
        self, chosen: torch.Tensor, scores: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The k first of `chosen` [n_users, m]: largest scores, then smallest `id_order`."""
        by_id = self.id_order[chosen].argsort(dim=1)
        values, by_score = scores.gather(1, by_id).sort(dim=1, descending=True, stable=True)
        return chosen.gather(1, by_id.gather(1, by_score))[:, : self.k], values[:, : self.k]


def _reach(ceilings: torch.Tensor, least: torch.Tensor) -> torch.Tensor:
    """Whether an item may be among the top k; what is not a number, by an overflow, may."""
    return ~(ceilings < least)
