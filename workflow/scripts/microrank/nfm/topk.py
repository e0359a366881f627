"""The k best items of a block of users, bit for bit the same on every processor.

Matrix products differ in their last bits from one shape, library or processor to the next, and a
list cut off at k would differ with them. So the fast product only screens, in bfloat16 where that
is faster: a bound on its rounding error says which items may belong to the top k. Those few are
scored again in float64, rounded to float32, and sorted by score, then item id.
"""

from dataclasses import dataclass

import numpy as np
import torch

from microrank.nfm.folded_model import FoldedModel, fold, layer_sums, multiplies_bfloat16
from microrank.nfm.model import NFM

MOST_CONTENDERS = 512  # of a user, to be scored exactly together with the rest of a block
ITEMS_AT_ONCE = 4096  # of a user who has more


def screening_dtypes(device: torch.device) -> tuple[torch.dtype, ...]:
    """What to screen in, one after the other: bfloat16 first where oneDNN has it in hardware.

    A GPU screens in float32: its product rounds to bfloat16 before the bias is added, which
    the bound does not cover.
    """
    if device.type == "cpu" and multiplies_bfloat16():
        return torch.bfloat16, torch.float32
    return (torch.float32,)


@dataclass(frozen=True)
class Ranker:
    """Ranks the catalogue.

    Attributes:
        exact: the model folded in float64; it decides.
        items: its item vectors v̂ as rounded for screening, [n_items + 1, d].
        lengths: ‖v‖, [n_items + 1], float32.
        item_error: the largest ‖v̂ − v‖ / ‖v‖ that rounding made, [].
        id_order: place of every item in the order of raw ids, from 1, [n_items + 1].
        k: length of a list.
    """

    exact: FoldedModel
    items: torch.Tensor
    lengths: torch.Tensor
    item_error: torch.Tensor
    id_order: torch.Tensor
    k: int

    @classmethod
    def of(cls, model: NFM, item_ids: np.ndarray, k: int, dtype: torch.dtype) -> "Ranker":
        """A ranker for `model`, on its device.

        Args:
            model: an NFM.
            item_ids: raw ids by item_index, [n_items + 1].
            k: length of a list.
            dtype: what to screen in: bfloat16 or float32.
        """
        exact = fold(model, torch.float64)
        id_order = np.zeros(len(item_ids), np.int64)
        id_order[1 + np.argsort(item_ids[1:])] = np.arange(1, len(item_ids))
        items = exact.items.to(dtype)
        lengths = torch.linalg.vector_norm(exact.items, dim=1)
        item_error = (
            torch.linalg.vector_norm(exact.items - items, dim=1) / lengths.clamp(min=1e-30)
        ).max()
        return cls(
            exact,
            items,
            lengths.float(),
            item_error,
            torch.from_numpy(id_order).to(items.device),
            k,
        )

    @torch.no_grad()
    def top_k(
        self, sums: torch.Tensor, halves: torch.Tensor, seen: tuple[torch.Tensor, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The k best unseen items of a block of users, by score rounded to float32, then by raw id.

        Args:
            sums: S of the users, [n_users, d], float64.
            halves: F of the users, [n_users, d], float64.
            seen: (row, item_index) of what must not be recommended; everyone has k items left.

        Returns:
            item_index [n_users, k]; scores [n_users, k], float32; and whether each user's row is
            settled, [n_users]. Screening in float32 settles all. bfloat16 leaves out a user with
            so many contenders that it saves nothing.
        """
        weights, bias = self.exact.user_layers(sums, halves)
        ceiling = self._ceiling(weights, bias)
        ceiling[:, 0] = -torch.inf
        ceiling[seen] = -torch.inf

        # The exact scores of any k items are a lower bound of the k-th best score. Only an item
        # whose ceiling reaches that can be better.
        least = self._exact_scores(weights, bias, ceiling.topk(self.k).indices).amin(dim=1)
        if self.exact.relu_on_score:
            first_zeros = ceiling.masked_fill(ceiling >= 0, -torch.inf).topk(self.k).values[:, -1]
            least = torch.where(least > 0, least, first_zeros)
        contends = (ceiling >= least[:, None]) & (ceiling > -torch.inf)

        counts = contends.sum(dim=1)
        settled = counts <= MOST_CONTENDERS
        row, item = torch.nonzero(contends & settled[:, None], as_tuple=True)
        firsts = torch.where(settled, counts, 0).cumsum(0)
        chosen = item.new_zeros(len(sums), max(self.k, int(torch.where(settled, counts, 0).max())))
        chosen[row, torch.arange(len(row), device=row.device) - (firsts - counts)[row]] = item
        best, scores = self._best(chosen, self._exact_scores(weights, bias, chosen))
        if self.items.dtype == torch.bfloat16:
            return best, scores, settled
        for user in torch.nonzero(~settled).flatten().tolist():
            chosen = torch.nonzero(contends[user]).T
            parts = [
                self._exact_scores(weights[user : user + 1], bias[user : user + 1], part)
                for part in chosen.split(ITEMS_AT_ONCE, dim=1)
            ]
            best_of_user, scores_of_user = self._best(chosen, torch.cat(parts, dim=1))
            best[user], scores[user] = best_of_user[0], scores_of_user[0]
        return best, scores, torch.ones_like(settled)

    def _ceiling(self, weights: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """What no exact score exceeds: [n_users, n_items + 1].

        It is the fast score and a bound on its error. Let Ŵ, v̂, b̂ be W, v, b as rounded for
        screening. By the Cauchy–Schwarz inequality the hidden layer is off by at most

            |Ŵ·v̂ + b̂ − W·v − b|  ≤  ‖Ŵ − W‖·‖v̂‖ + ‖W‖·‖v̂ − v‖ + |b̂ − b|

        to which come the roundings of sums: for n products added up in float32 in whatever order,
        at most n·2⁻²⁴ (and a little) of the sum of their absolute values (Higham, Accuracy and
        Stability of Numerical Algorithms, 2002, §3.1). All that is relative to no more than
        ‖W‖·‖v‖ + |b|. The hidden value and the score are then rounded by u each, u being half of
        ε, the spacing of the screening type's numbers at 1. So the product adds up
        (sign + ε)·hidden, whose weights that type can hold: ε·hidden covers both roundings but for
        a share of ε·u. All terms are summed over the hidden layer, as |w2| is part of W and b.

        With a last ReLU, whatever is surely not positive scores exactly 0, and all of these tie:
        they get minus their place by id, so that the larger bound is still the better item.
        """
        width, dimension = weights.shape[1:]
        epsilon = torch.finfo(self.items.dtype).eps
        weights = weights.float()  # itself a rounding, by 2⁻²⁴ of every weight
        fast_weights = weights.to(self.items.dtype)
        scores = layer_sums(
            self.items,
            fast_weights,
            bias.float(),
            (self.exact.signs + epsilon).to(self.items.dtype),
        )

        roundings = (dimension + width + 16) * 2.0**-24 + epsilon**2
        sizes = torch.linalg.vector_norm(weights, dim=2).sum(dim=1)
        moved = torch.linalg.vector_norm(weights - fast_weights, dim=2).sum(dim=1)
        slope = 1.02 * (moved + sizes * (self.item_error + roundings))
        offset = 1.02 * roundings * (bias.abs().sum(dim=1) + self.exact.output_bias.abs()) + 1e-30
        scores.addr_(slope.float(), self.lengths).add_(
            (offset + self.exact.output_bias).float()[:, None]
        )
        return (
            torch.where(scores <= 0, -self.id_order.float(), scores)
            if self.exact.relu_on_score
            else scores
        )

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
