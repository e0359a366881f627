"""The sampled softmax loss over a batch's candidates, exact and fast.

It never forms the bi-interaction of a user with an item. With S and F of each user's history, the
batch normalisation of f = F + S∘v over users × positions has closed-form statistics. It is then an
affine map a∘f + (β − aμ). So the first layer's input is linear in v, and a user's scores are a
small network on the candidates' vectors alone.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.distributed.nn.functional

from microrank.nfm.folded_model import product
from microrank.nfm.model import NFM, history_state

# Hidden values (users × candidates × hidden) that are in memory at a time. On a processor, layers
# get as many as stay in its cache. Pairs have larger products, and get as many as make these fast.
LAYERS_AT_ONCE, PAIRS_AT_ONCE, GPU_AT_ONCE = 2**18, 2**21, 2**25


@dataclass(frozen=True)
class Batch:
    """A batch of examples and the candidates that they share.

    Attributes:
        history: item_index of the inputs, 0 is padding, [n, length].
        candidates: distinct item_index ≥ 1, ascending, [c].
        weight: how often each candidate stands in the batch's positions, [c].
        pads: how many positions are padding.
        log_q_correction: what is added to a candidate's score, log weight − log p, [c].
        user_items: (row, column) of candidates that are the user's own items: no negatives.
        target: column of each example's target, [n].
        n_users: number of examples of the whole batch, of which this may be a part.
    """

    history: torch.Tensor
    candidates: torch.Tensor
    weight: torch.Tensor
    pads: int
    log_q_correction: torch.Tensor
    user_items: tuple[torch.Tensor, torch.Tensor]
    target: torch.Tensor
    n_users: int

    def part(self, i: int, n: int) -> "Batch":
        """The i-th of n runs of users; candidates and the whole batch's number of users stay."""
        first, end = len(self.history) * i // n, len(self.history) * (i + 1) // n
        row, column = self.user_items
        of_part = (row >= first) & (row < end)
        return replace(
            self,
            history=self.history[first:end],
            user_items=(row[of_part] - first, column[of_part]),
            target=self.target[first:end],
        )

    def double(self) -> "Batch":
        """The batch in float64."""
        return replace(
            self, weight=self.weight.double(), log_q_correction=self.log_q_correction.double()
        )

    def to(self, device: torch.device) -> "Batch":
        """The batch on another device."""
        row, column = self.user_items
        return replace(
            self,
            history=self.history.to(device),
            candidates=self.candidates.to(device),
            weight=self.weight.to(device),
            log_q_correction=self.log_q_correction.to(device),
            user_items=(row.to(device), column.to(device)),
            target=self.target.to(device),
        )


def batch_loss(model: NFM, batch: Batch) -> torch.Tensor:
    """Mean cross entropy of the targets, a scalar.

    Updates the running statistics of batch normalisation as nn.BatchNorm1d would. For a part of a
    batch the loss is the part's share of the mean. The statistics are always those of the whole
    batch, summed over all processes.
    """
    # One look-up, because each look-up has a gradient of the size of the catalogue.
    looked_up = model.items(torch.cat([batch.history.flatten(), batch.candidates]))
    inputs, vectors = looked_up.split([batch.history.numel(), len(batch.candidates)])
    sums, halves = history_state(inputs.view(*batch.history.shape, -1), batch.history > 0)
    positions = batch.weight.sum() + batch.pads
    mean_vector = (batch.weight @ vectors) / positions
    spread = (
        batch.weight @ (vectors - mean_vector).square() + batch.pads * mean_vector.square()
    ) / positions
    centres = halves + sums * mean_vector
    sum_of_all = _sum_over_processes if len(sums) < batch.n_users else _unchanged
    mean = sum_of_all(centres.sum(dim=0)) / batch.n_users
    variance = (
        sum_of_all((centres - mean).square().sum(dim=0) + sums.square().sum(dim=0) * spread)
        / batch.n_users
    )
    norm = model.norm
    _update_running(norm, mean, variance, float(positions) * batch.n_users)
    scale = norm.weight / torch.sqrt(variance + norm.eps)
    slope, level = scale * sums, scale * (halves - mean) + norm.bias
    return _SampledSoftmax.apply(
        slope,
        level,
        vectors,
        model.hidden.weight,
        model.hidden.bias,
        model.output.weight[0],
        model.output.bias,
        batch,
        model.relu_on_score,
    )


def _unchanged(total: torch.Tensor) -> torch.Tensor:
    return total


def _sum_over_processes(total: torch.Tensor) -> torch.Tensor:
    """Sum over all processes; gradients flow back to all of them."""
    return torch.distributed.nn.functional.all_reduce(total)


@torch.no_grad()
def _update_running(
    norm: torch.nn.BatchNorm1d, mean: torch.Tensor, variance: torch.Tensor, n: float
) -> None:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.num_batches_tracked is not None
    momentum = norm.momentum or 0.0
    norm.running_mean.lerp_(mean, momentum)
    norm.running_var.lerp_(variance * (n / (n - 1)), momentum)
    norm.num_batches_tracked.add_(1)


class _SampledSoftmax(torch.autograd.Function):
    """Loss and gradients in one pass over chunks of users: three matrix products a chunk.

    Nothing is kept for the backward pass but the gradients.
    """

    @staticmethod
    def forward(  # noqa: PLR0917, autograd gives arguments by position
        ctx: Any,
        slope: torch.Tensor,
        level: torch.Tensor,
        vectors: torch.Tensor,
        w1: torch.Tensor,
        b1: torch.Tensor,
        w2: torch.Tensor,
        b2: torch.Tensor,
        batch: Batch,
        relu_on_score: bool,
    ) -> torch.Tensor:
        n, c, h = len(slope), len(vectors), len(w1)
        form, at_once = (_Layers, LAYERS_AT_ONCE) if h < c else (_Pairs, PAIRS_AT_ONCE)
        products = form(slope, vectors, w1, w2)
        bias = level @ w1.T + b1
        target = batch.target[:, None]
        offset = batch.log_q_correction.repeat(n, 1)
        offset[batch.user_items] = -torch.inf
        # The target competes once, however often it stands in the positions.
        offset.scatter_(1, target, (batch.log_q_correction - batch.weight.log())[target])
        d_scores = torch.empty_like(offset)
        d_bias = torch.empty_like(bias)
        d_w2 = torch.zeros_like(w2)
        loss = slope.new_zeros(())
        at_once = at_once if slope.device.type == "cpu" else GPU_AT_ONCE
        step = max(1, at_once // (c * max(w1.shape)))
        for first in range(0, n, step):
            rows = slice(first, first + step)
            hidden = products.hidden(rows, bias[rows])
            scores = hidden @ w2 + b2
            log_p = (offset[rows] + (scores.relu() if relu_on_score else scores)).log_softmax(dim=1)
            loss -= log_p.gather(1, target[rows]).sum()
            d_chunk = torch.exp(log_p, out=d_scores[rows])
            d_chunk.scatter_add_(1, target[rows], d_chunk.new_full((len(d_chunk), 1), -1.0))
            if relu_on_score:
                d_chunk *= scores > 0
            d_w2.addmv_(hidden.view(-1, h).T, d_chunk.view(-1))
            d_hidden = hidden.sign_().mul_(d_chunk[:, :, None])
            d_bias[rows] = d_hidden.sum(dim=1)
            products.backward(rows, d_hidden)
        d_bias *= w2
        d_w1 = torch.addmm(products.d_w1 * w2[:, None], d_bias.T, level)
        # Without the last ReLU b2 moves all scores together, which the softmax does not notice:
        # the sum would be of roundings alone.
        d_b2 = d_scores.sum()[None] if relu_on_score else torch.zeros_like(b2)
        ctx.save_for_backward(
            products.d_slope, d_bias @ w1, products.d_vectors, d_w1, d_bias.sum(dim=0), d_w2, d_b2
        )
        ctx.n_users = batch.n_users
        return loss / batch.n_users

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        share = grad / ctx.n_users
        return (*(gradient * share for gradient in ctx.saved_tensors), None, None)


class _Products:
    """The hidden layer ReLU(W1·(t_u∘v_i) + b_u) of users u and all candidates i; its gradients.

    It works on chunks of users, and adds the gradients up chunk by chunk. Hidden values are
    [users, c, h]. Their gradient comes without its factor w2, which is put back where arrays are
    small: into d_slope and d_vectors here, into d_w1 by the caller.

    Attributes:
        slope: t, [n, d].
        vectors: v, [c, d].
    """

    def __init__(
        self, slope: torch.Tensor, vectors: torch.Tensor, w1: torch.Tensor, w2: torch.Tensor
    ) -> None:
        self.slope, self.vectors, self.w1 = slope, vectors, w1
        self.w2_w1 = w1 * w2[:, None]
        self.d_slope = torch.empty_like(slope)
        self.d_vectors = torch.zeros_like(vectors)
        self.d_w1 = torch.zeros_like(w1)


class _Layers(_Products):
    """As (W1·diag(t_u))·v_i, one layer a user.

    A layer costs less to form than a user's pairs where candidates outnumber hidden units.
    """

    def hidden(self, rows: slice, bias: torch.Tensor) -> torch.Tensor:
        layers = self.w1 * self.slope[rows, None]
        return torch.baddbmm(
            bias[:, None], self.vectors.expand(len(layers), -1, -1), layers.mT
        ).relu_()

    def backward(self, rows: slice, d_hidden: torch.Tensor) -> None:
        slope = self.slope[rows, None]
        d_layers = torch.bmm(d_hidden.mT, self.vectors.expand(len(slope), -1, -1))
        self.d_slope[rows] = (d_layers * self.w2_w1).sum(dim=1)
        self.d_w1 += d_layers.mul_(slope).sum(dim=0)
        self.d_vectors += torch.bmm(d_hidden, self.w2_w1 * slope).sum(dim=0)


class _Pairs(_Products):
    """As W1·(t_u∘v_i): every pair of user and candidate is formed."""

    def hidden(self, rows: slice, bias: torch.Tensor) -> torch.Tensor:
        self.pairs = (self.vectors * self.slope[rows, None]).view(-1, self.vectors.shape[1])
        return (
            product(self.pairs, self.w1)
            .view(len(bias), len(self.vectors), -1)
            .add_(bias[:, None])
            .relu_()
        )

    def backward(self, rows: slice, d_hidden: torch.Tensor) -> None:
        d_hidden = d_hidden.view(len(self.pairs), -1)
        self.d_w1.addmm_(d_hidden.T, self.pairs)
        d_pairs = product(d_hidden, self.w2_w1.T.contiguous()).view(-1, *self.vectors.shape)
        self.d_slope[rows] = (d_pairs * self.vectors).sum(dim=1)
        self.d_vectors += d_pairs.mul_(self.slope[rows, None]).sum(dim=0)
