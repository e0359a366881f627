"""The sampled softmax loss over a batch's candidates, exact and without the bi-interaction of a user with an item.

With S and F of each user's history, batch normalisation of f = F + S∘v over users × slots has closed-form statistics, and is then an affine
map a∘f + (β − aμ); so the first layer's input is linear in v, and a user's scores are a small network on the candidates' vectors alone.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.distributed.nn.functional

from microrank.nfm.fold import relu_layer
from microrank.nfm.model import NFM

HIDDEN_AT_ONCE = 2**19  # hidden values (users × candidates × hidden) that are in memory at a time


@dataclass(frozen=True)
class Batch:
    """A batch of examples and the candidates that they share.

    history: [n, length] item_index, 0 pads. candidates: [c] distinct item_index ≥ 1, ascending. weight: [c] how often each stands in the
    slots; pads: how many slots are padding. offset: [c] what is added to a score: log weight − log p. own: (row, column) of the user's own
    items, which are no negatives. target: [n] column of each example's target. n_users: of the whole batch, of which this may be a part.
    """

    history: torch.Tensor
    candidates: torch.Tensor
    weight: torch.Tensor
    pads: int
    offset: torch.Tensor
    own: tuple[torch.Tensor, torch.Tensor]
    target: torch.Tensor
    n_users: int

    def part(self, i: int, n: int) -> "Batch":
        """The i-th of n runs of users; candidates and the whole batch's number of users stay."""
        first, end = len(self.history) * i // n, len(self.history) * (i + 1) // n
        row, column = self.own
        mine = (row >= first) & (row < end)
        return replace(self, history=self.history[first:end], own=(row[mine] - first, column[mine]), target=self.target[first:end])

    def double(self) -> "Batch":
        """The batch in float64."""
        return replace(self, weight=self.weight.double(), offset=self.offset.double())

    def to(self, device: torch.device) -> "Batch":
        """The batch on another device."""
        history, candidates, weight, offset, row, column, target = (
            value.to(device) for value in (self.history, self.candidates, self.weight, self.offset, *self.own, self.target)
        )
        return Batch(history, candidates, weight, self.pads, offset, (row, column), target, self.n_users)


def batch_loss(model: NFM, batch: Batch) -> torch.Tensor:
    """Mean cross entropy of the targets; updates the running statistics of batch normalisation as nn.BatchNorm1d would.

    Of a part of a batch it is the part's share of that mean; the statistics are always those of the whole, summed over all processes.
    """
    sums, halves = model.history_state(batch.history)
    vectors = model.items(batch.candidates)
    slots = batch.weight.sum() + batch.pads
    mean_vector = (batch.weight @ vectors) / slots
    spread = (batch.weight @ (vectors - mean_vector).square() + batch.pads * mean_vector.square()) / slots
    centres = halves + sums * mean_vector
    whole = _over_processes if len(sums) < batch.n_users else _as_it_is
    mean = whole(centres.sum(dim=0)) / batch.n_users
    variance = whole((centres - mean).square().sum(dim=0) + sums.square().sum(dim=0) * spread) / batch.n_users
    norm = model.norm
    _update_running(norm, mean, variance, float(slots) * batch.n_users)
    scale = norm.weight / torch.sqrt(variance + norm.eps)
    slope, level = scale * sums, scale * (halves - mean) + norm.bias
    return _SampledSoftmax.apply(
        slope, level, vectors, model.hidden.weight, model.hidden.bias, model.output.weight[0], model.output.bias, batch, model.relu_on_score
    )


def _as_it_is(total: torch.Tensor) -> torch.Tensor:
    return total


def _over_processes(total: torch.Tensor) -> torch.Tensor:
    """The sum over all processes, through which gradients flow back to all of them."""
    return torch.distributed.nn.functional.all_reduce(total)


@torch.no_grad()
def _update_running(norm: torch.nn.BatchNorm1d, mean: torch.Tensor, variance: torch.Tensor, n: float) -> None:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.num_batches_tracked is not None
    momentum = norm.momentum or 0.0
    norm.running_mean.lerp_(mean, momentum)
    norm.running_var.lerp_(variance * (n / (n - 1)), momentum)
    norm.num_batches_tracked.add_(1)


class _SampledSoftmax(torch.autograd.Function):
    """Loss and gradients in one pass over chunks of users: three matrix products a chunk, nothing kept but the gradients."""

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
        n, d = slope.shape
        h, c = len(w1), len(vectors)
        grads = [torch.zeros_like(one) for one in (slope, level, vectors, w1, b1, w2, b2)]
        d_slope, d_level, d_vectors, d_w1, d_b1, d_w2, d_b2 = grads
        bias = level @ w1.T + b1
        forbidden = torch.zeros(n, c, dtype=torch.bool, device=slope.device)
        forbidden[batch.own] = True
        forbidden[torch.arange(n, device=slope.device), batch.target] = False
        loss = slope.new_zeros(())
        step = max(1, HIDDEN_AT_ONCE // (c * h))
        for first in range(0, n, step):
            rows = slice(first, min(first + step, n))
            users = rows.stop - first
            layers = (w1 * slope[rows, None, :]).view(users * h, d)
            hidden = relu_layer(vectors, layers, bias[rows].reshape(-1)).view(c, users, h)
            scores = (hidden @ w2 + b2).T
            kept = scores.relu() if relu_on_score else scores
            target = batch.target[rows, None]
            logits = (kept + batch.offset).masked_fill_(forbidden[rows], -torch.inf)
            logits.scatter_add_(1, target, -batch.weight.log()[target])  # the target competes once, however often it stands in the slots
            log_p = logits.log_softmax(dim=1)
            loss -= log_p.gather(1, target).sum()
            d_scores = log_p.exp_()
            d_scores.scatter_add_(1, target, d_scores.new_full((users, 1), -1.0)).div_(batch.n_users)
            if relu_on_score:
                d_scores *= scores > 0
            d_scores = d_scores.T.contiguous()
            d_w2 += torch.mv(hidden.view(-1, h).T, d_scores.reshape(-1))
            d_b2 += d_scores.sum()
            # From here on without w2, which is put back where arrays are small.
            d_hidden = hidden.sign_().mul_(d_scores[:, :, None]).view(c, users * h)
            d_vectors.addmm_(d_hidden, (layers.view(users, h, d) * w2[:, None]).view(users * h, d))
            d_layers = (d_hidden.T @ vectors).view(users, h, d).mul_(w2[:, None])
            d_bias = d_hidden.sum(dim=0).view(users, h) * w2
            d_w1 += (d_layers * slope[rows, None, :]).sum(dim=0).addmm_(d_bias.T, level[rows])
            d_b1 += d_bias.sum(dim=0)
            d_slope[rows] = (d_layers * w1).sum(dim=1)
            d_level[rows] = d_bias @ w1
        ctx.save_for_backward(*grads)
        return loss / batch.n_users

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        return (*(grad * one for one in ctx.saved_tensors), None, None)
