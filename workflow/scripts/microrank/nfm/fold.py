"""Scores of the whole catalogue without ever forming the bi-interaction of a user with an item.

In evaluation batch normalisation is an affine map, BN(f) = a∘f + shift, so for a user with history state (S, F)

    W1·BN(F + S∘v) + b1  =  (W1·diag(a∘S))·v + W1·(a∘F + shift) + b1

is a linear layer of its own on the item vector v. These layers, stacked over a block of users, meet the catalogue in one matrix product.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from microrank.nfm.model import NFM

BLOCK_WEIGHTS = 2**18  # weights of a block of users (users × hidden × d): a MiB in float32, so that they stay in the second-level cache
ITEM_BLOCK = 256  # items that meet a block of users at a time: their hidden layer stays in the cache until it is summed up


@dataclass(frozen=True)
class Fold:
    """An NFM in evaluation mode as plain arrays.

    items: [n_items + 1, d]; scale (a), shift: [d]; hidden_weight: [h, d]; hidden_bias, output_weight: [h]; output_bias: [].
    """

    items: torch.Tensor
    scale: torch.Tensor
    shift: torch.Tensor
    hidden_weight: torch.Tensor
    hidden_bias: torch.Tensor
    output_weight: torch.Tensor
    output_bias: torch.Tensor
    relu_on_score: bool

    def user_layers(self, sums: torch.Tensor, halves: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Each user's own linear layer on item vectors: weights [n_users, h, d] and biases [n_users, h].

        Args:
            sums: S = Σ v over the history, [n_users, d].
            halves: F = ½(S² − Σ v²), [n_users, d].
        """
        weights = self.hidden_weight * (self.scale * sums)[:, None, :]
        return weights, (self.scale * halves + self.shift) @ self.hidden_weight.T + self.hidden_bias


@torch.no_grad()
def fold(model: NFM, dtype: torch.dtype | None = None) -> Fold:
    """Fold the model's evaluation mode; `dtype` is the model's own where it is not given."""
    norm = model.norm
    assert norm.running_mean is not None
    assert norm.running_var is not None
    wide = torch.float64
    scale = norm.weight.to(wide) / torch.sqrt(norm.running_var.to(wide) + norm.eps)
    shift = norm.bias.to(wide) - scale * norm.running_mean.to(wide)
    parts = (
        model.items.weight,
        scale,
        shift,
        model.hidden.weight,
        model.hidden.bias,
        model.output.weight[0],
        model.output.bias[0],
    )
    return Fold(*(part.to(dtype or model.items.weight.dtype) for part in parts), model.relu_on_score)  # type: ignore[call-arg]


def users_per_block(folded: Fold) -> int:
    """How many users' layers are stacked at a time."""
    return max(1, BLOCK_WEIGHTS // folded.hidden_weight.numel())


@torch.no_grad()
def score_catalogue(folded: Fold, sums: torch.Tensor, halves: torch.Tensor) -> torch.Tensor:
    """Scores of every item for every user: [n_users, n_items + 1]; the padding's column 0 is −inf.

    Give a block of users at a time (`users_per_block`); the memory is one score per user and item, and a few MiB.
    """
    scores = score_layers(folded, *folded.user_layers(sums, halves))
    if folded.relu_on_score:
        scores.relu_()
    scores[:, 0] = -torch.inf
    return scores


@torch.no_grad()
def score_layers(folded: Fold, weights: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """Scores before any last ReLU, [n_users, n_items + 1], by users' own layers: weights [n_users, h, d], bias [n_users, h]."""
    n_users, width, dimension = weights.shape
    weights, bias = weights.reshape(-1, dimension), bias.reshape(-1)
    scores = torch.empty(n_users, len(folded.items), dtype=weights.dtype, device=weights.device)
    for first, items in _blocks(folded.items, ITEM_BLOCK):
        hidden = torch.nn.functional.linear(items, weights, bias).relu_()
        summed = hidden.view(-1, width) @ folded.output_weight
        scores[:, first : first + len(items)] = summed.view(len(items), n_users).T
    return scores.add_(folded.output_bias)


def _blocks(rows: torch.Tensor, length: int) -> Iterator[tuple[int, torch.Tensor]]:
    for first in range(0, len(rows), length):
        yield first, rows[first : first + length]
