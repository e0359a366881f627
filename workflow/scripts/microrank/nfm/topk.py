"""The k best items of a block of users: the same, bit for bit, whatever the processor, the threads or the size of the block.

Matrix products differ in their last bits from one shape, library or processor to the next, and a list cut off at k would differ with them.
So the fast product only screens: a bound on its rounding error says which items may belong to the top k. Those few are scored again in
float64, rounded to float32, and sorted by score, then item id.
"""

from dataclasses import dataclass

import numpy as np
import torch

from microrank.nfm.fold import Fold, fold, score_layers
from microrank.nfm.model import NFM

SPARE = 12  # contenders beyond k that are scored exactly; a user for whom they prove nothing gets as many as it takes
ITEMS_AT_ONCE = 4096  # how many of those


@dataclass(frozen=True)
class Ranker:
    """Ranks the catalogue.

    exact: the model folded in float64; it decides. fast: the same in float32; it only screens.
    id_order: place of every item in the order of raw ids, [n_items + 1], from 1.
    """

    exact: Fold
    fast: Fold
    id_order: torch.Tensor
    k: int

    @classmethod
    def of(cls, model: NFM, item_ids: np.ndarray, k: int) -> "Ranker":
        """A ranker for a model in float64; item_ids: raw ids by item_index, [n_items + 1]."""
        id_order = np.zeros(len(item_ids), np.int64)
        id_order[1 + np.argsort(item_ids[1:])] = np.arange(1, len(item_ids))
        return cls(fold(model), fold(model, torch.float32), torch.from_numpy(id_order).to(model.items.weight.device), k)

    @torch.no_grad()
    def top_k(self, sums: torch.Tensor, halves: torch.Tensor, seen: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """The k best unseen items of a block of users, by score rounded to float32, then by raw id.

        Args:
            sums, halves: history state of the users, [n_users, d], float64.
            seen: (row, item_index) of what must not be recommended.

        Returns:
            item_index [n_users, k] and scores [n_users, k], float32.
        """
        weights, bias = self.exact.user_layers(sums, halves)
        ceiling = self._ceiling(weights, bias)
        ceiling[:, 0] = -torch.inf
        ceiling[seen] = -torch.inf

        bounds, contenders = ceiling.topk(min(self.k + SPARE, ceiling.shape[1] - 1) + 1)
        excluded, bounds, contenders = bounds[:, -1], bounds[:, :-1], contenders[:, :-1]
        scores = self._exact_scores(weights, bias, contenders).masked_fill_(bounds == -torch.inf, -torch.inf)
        found, values = self._best(contenders, scores)

        least = values[:, -1]
        proved = (excluded < least) | (excluded == -torch.inf)
        if self.exact.relu_on_score:
            zeros = ((bounds < 0) & (bounds > -torch.inf)).sum(dim=1)
            proved = (proved & (least > 0)) | ((excluded < 0) & (zeros >= self.k))
        for row in torch.nonzero(~proved).flatten().tolist():
            found[row], values[row] = self._settle(weights[row], bias[row], ceiling[row], least[row])
        return found, values

    def _ceiling(self, weights: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """What no exact score exceeds: the fast score and a bound on its error, [n_users, n_items + 1].

        A sum of n products in float32, in whatever order, is off by at most n·2⁻²⁴ (and a little) of the sum of their absolute values,
        which the Cauchy–Schwarz inequality bounds by norms (Higham, Accuracy and Stability of Numerical Algorithms, 2002, §3.1). With the
        roundings of the layer's weights, of both layers' sums and of this bound itself counted, a score is off by at most
        (d + h + 16)·2⁻²⁴·1.01 times Σ_h |w2_h|·(‖W_uh‖·‖v‖ + |b_uh|) + |b2|.

        With a last ReLU, whatever is surely not positive scores exactly 0, and all of these tie: they get minus their place by id, so that
        the larger bound is still the better item.
        """
        width, dimension = weights.shape[1:]
        share = (dimension + width + 16) * 2.0**-24 * 1.01
        importance = self.exact.output_weight.abs()
        slope = share * (torch.linalg.vector_norm(weights, dim=2) @ importance)
        offset = share * (bias.abs() @ importance + self.exact.output_bias.abs())
        lengths = torch.linalg.vector_norm(self.exact.items, dim=1)
        ceiling = score_layers(self.fast, weights.to(self.fast.items.dtype), bias.to(self.fast.items.dtype))
        ceiling.addr_(slope.to(ceiling.dtype), lengths.to(ceiling.dtype)).add_(offset.to(ceiling.dtype)[:, None])
        return torch.where(ceiling <= 0, -self.id_order.to(ceiling.dtype), ceiling) if self.exact.relu_on_score else ceiling

    def _exact_scores(self, weights: torch.Tensor, bias: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        """Scores [n_users, m] of items `chosen` [n_users, m] (item_index), in float64, rounded to float32."""
        hidden = torch.baddbmm(bias[:, None, :], self.exact.items[chosen], weights.mT).relu_()
        scores = hidden @ self.exact.output_weight + self.exact.output_bias
        return (scores.relu_() if self.exact.relu_on_score else scores).float()

    def _best(self, chosen: torch.Tensor, scores: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The k first of `chosen` [n_users, m] by score, largest first, then by `id_order`, smallest first."""
        by_id = self.id_order[chosen].argsort(dim=1)
        values, by_score = scores.gather(1, by_id).sort(dim=1, descending=True, stable=True)
        return chosen.gather(1, by_id.gather(1, by_score))[:, : self.k], values[:, : self.k]

    def _settle(
        self, weights: torch.Tensor, bias: torch.Tensor, ceiling: torch.Tensor, least: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The top k of one user for whom the usual contenders prove nothing: score whatever may reach the k-th best score seen so far.

        With a last ReLU and fewer than k positive scores, those are all that may be positive and the k lowest ids of the others.
        """
        if self.exact.relu_on_score and least == 0:
            possible = int((ceiling > 0).sum()) + self.k
            bounds, chosen = ceiling.topk(min(possible, len(ceiling)))
            chosen = chosen[bounds > -torch.inf]
        else:
            chosen = torch.nonzero(~(ceiling < least)).flatten()
        scores = [self._exact_scores(weights[None], bias[None], part[None])[0] for part in chosen.split(ITEMS_AT_ONCE)]
        found, values = self._best(chosen[None], torch.cat(scores)[None])
        return found[0], values[0]
