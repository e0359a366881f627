"""Scores of the whole catalogue without ever forming the bi-interaction of a user with an item.

In evaluation batch normalisation is an affine map, BN(f) = a∘f + shift. So for a user with history
state (S, F)

    W1·BN(F + S∘v) + b1  =  (W1·diag(a∘S))·v + W1·(a∘F + shift) + b1

is a linear layer of the user's own on the item vector v. These layers, stacked over a block of
users, meet the catalogue in one matrix product. The output layer's weights are folded in by their
size, w2·ReLU(x) = sign(w2)·ReLU(|w2|·x), so that only a signed sum is left of it.
"""

from dataclasses import dataclass

import torch

from microrank.nfm.model import NFM

# Weights of a block of users (users × hidden × d): 1 MiB in float32, as fits a second-level cache.
BLOCK_WEIGHTS = 2**18
BLOCK_SCORES = 2**24  # scores of a block of users at most: 64 MiB in float32
# Items that meet a block of users at a time: their hidden layer stays in the cache until summed.
ITEM_BLOCK = 256


@dataclass(frozen=True)
class FoldedModel:
    """An NFM in evaluation mode as plain arrays.

    Attributes:
        items: v, [n_items + 1, d].
        scale: a, [d].
        shift: [d].
        hidden_weight: |w2|∘W1, [h, d].
        hidden_bias: |w2|∘b1, [h].
        signs: signs of w2, [h].
        output_bias: b2, [].
        relu_on_score: whether a last ReLU makes the score.
    """

    items: torch.Tensor
    scale: torch.Tensor
    shift: torch.Tensor
    hidden_weight: torch.Tensor
    hidden_bias: torch.Tensor
    signs: torch.Tensor
    output_bias: torch.Tensor
    relu_on_score: bool

    @property
    def users_per_block(self) -> int:
        """How many users' layers are best stacked at a time."""
        return max(
            1, min(BLOCK_WEIGHTS // self.hidden_weight.numel(), BLOCK_SCORES // len(self.items))
        )

    def user_layers(
        self, sums: torch.Tensor, halves: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Each user's own linear layer on item vectors: [n_users, h, d] and biases [n_users, h].

        Args:
            sums: S of the users, [n_users, d].
            halves: F of the users, [n_users, d].
        """
        weights = self.hidden_weight * (self.scale * sums)[:, None, :]
        return weights, (self.scale * halves + self.shift) @ self.hidden_weight.T + self.hidden_bias


@torch.no_grad()
def fold(model: NFM, dtype: torch.dtype | None = None) -> FoldedModel:
    """Fold the model's evaluation mode.

    Args:
        model: an NFM.
        dtype: what the result is rounded to, after all is done in float64; None is the model's own.
    """
    exact = {name: value.to(torch.float64) for name, value in model.state_dict().items()}
    scale = exact["norm.weight"] / torch.sqrt(exact["norm.running_var"] + model.norm.eps)
    output = exact["output.weight"][0]

    def rounded(value: torch.Tensor) -> torch.Tensor:
        return value.to(dtype or model.items.weight.dtype)

    return FoldedModel(
        items=rounded(model.items.weight.detach()),
        scale=rounded(scale),
        shift=rounded(exact["norm.bias"] - scale * exact["norm.running_mean"]),
        hidden_weight=rounded(output.abs()[:, None] * exact["hidden.weight"]),
        hidden_bias=rounded(output.abs() * exact["hidden.bias"]),
        signs=rounded(output.sign()),
        output_bias=rounded(exact["output.bias"][0]),
        relu_on_score=model.relu_on_score,
    )


@torch.no_grad()
def score_catalogue(folded: FoldedModel, sums: torch.Tensor, halves: torch.Tensor) -> torch.Tensor:
    """Scores of every item for every user: [n_users, n_items + 1]; the padding's column 0 is −inf.

    Give a block of users at a time (`users_per_block`): the memory is one score per user and item,
    and a few MiB.

    Args:
        folded: the model.
        sums: S of the users, [n_users, d].
        halves: F of the users, [n_users, d].
    """
    scores = layer_sums(folded.items, *folded.user_layers(sums, halves), folded.signs).add_(
        folded.output_bias
    )
    if folded.relu_on_score:
        scores.relu_()
    scores[:, 0] = -torch.inf
    return scores


@torch.no_grad()
def layer_sums(
    items: torch.Tensor, weights: torch.Tensor, bias: torch.Tensor, shares: torch.Tensor
) -> torch.Tensor:
    """Σ_h shares_h·ReLU(weights_uh·v_i + bias_uh): [n_users, n_items].

    Args:
        items: v, [n_items, d]: float32 or float64, as all else.
        weights: [n_users, h, d].
        bias: [n_users, h].
        shares: [h].
    """
    n_users, width, dimension = weights.shape
    weights, bias = weights.reshape(-1, dimension), bias.reshape(-1)
    sums = torch.empty(n_users, len(items), dtype=bias.dtype, device=items.device)
    for first in range(0, len(items), ITEM_BLOCK):
        hidden = relu_layer(items[first : first + ITEM_BLOCK], weights, bias)
        summed = torch.nn.functional.linear(hidden.view(-1, width), shares[None])
        sums[:, first : first + len(hidden)] = summed.view(len(hidden), n_users).T
    return sums


def relu_layer(items: torch.Tensor, weights: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """ReLU(items·weightsᵀ + bias).

    On processors oneDNN adds the bias and cuts at 0 while the sums are still in registers.
    """
    if _by_onednn(items):
        return torch.ops.mkldnn._linear_pointwise(items, weights, bias, "relu", [], "")
    return torch.nn.functional.linear(items, weights, bias).relu_()


def product(rows: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """rows·weightsᵀ of large matrices.

    By oneDNN on processors with AVX-512, where it was up to a fifth faster than torch's other
    library. On those without, it was a fifth slower.
    """
    return (
        torch.ops.mkldnn._linear_pointwise(rows, weights.contiguous(), None, "none", [], "")
        if product_by_onednn(rows)
        else rows @ weights.T
    )


def product_by_onednn(values: torch.Tensor) -> bool:
    """Whether `product` takes oneDNN for such values."""
    return _by_onednn(values) and torch.backends.cpu.get_cpu_capability() == "AVX512"


def _by_onednn(values: torch.Tensor) -> bool:
    return (
        values.device.type == "cpu"
        and values.dtype != torch.float64
        and torch.backends.mkldnn.is_available()
    )
