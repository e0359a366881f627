"""The sampled softmax loss over a batch's candidates, exact and fast.

It never forms the bi-interaction of a user with an item. With S and F of each user's history, the
batch normalisation of f = F + S∘v over users × positions has closed-form statistics. It is then an
affine map a∘f + (β − aμ). So the first layer's input is linear in v, and a user's scores are a
small network on the candidates' vectors alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
import torch.distributed.nn.functional

from microrank.nfm.hidden_layer import HiddenLayer, cheapest_form
from microrank.nfm.model import NFM
from microrank.nfm.threads import ONE_THREAD, Threads

GPU_AT_ONCE = 2**25  # values that a GPU has in memory at a time, in place of HiddenLayer's


@dataclass(frozen=True)
class Batch:
    """A batch of examples and the candidates that they share.

    Attributes:
        history: item_index of the inputs, 0 is padding, [n, length].
        distances: steps from each input to the target, from 1 where it is no padding, [n, length].
        candidates: distinct item_index ≥ 1, ascending, [c].
        weight: how often each candidate stands in the batch's positions, [c].
        pads: how many positions are padding.
        log_q_correction: what is added to a candidate's score, log weight − log p, [c].
        user_items: (row, column) of candidates that are the user's own items: no negatives.
        target: column of each example's target, [n].
        n_users: number of examples of the whole batch, of which this may be a part.
    """

    history: torch.Tensor
    distances: torch.Tensor
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
            distances=self.distances[first:end],
            user_items=(row[of_part] - first, column[of_part]),
            target=self.target[first:end],
        )

    def parts(self, n: int) -> list["Batch"]:
        """All n parts of the batch."""
        return [self.part(i, n) for i in range(n)]

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
            distances=self.distances.to(device),
            candidates=self.candidates.to(device),
            weight=self.weight.to(device),
            log_q_correction=self.log_q_correction.to(device),
            user_items=(row.to(device), column.to(device)),
            target=self.target.to(device),
        )


def batch_loss(model: NFM, batch: Batch, threads: Threads = ONE_THREAD) -> torch.Tensor:
    """Mean cross entropy of the targets, a scalar.

    Updates the running statistics of batch normalisation as nn.BatchNorm1d would. For a part of a
    batch the loss is the part's share of the mean. The statistics are always those of the whole
    batch, summed over all processes. Threads share the users.
    """
    # One look-up, because each look-up has a gradient of the size of the catalogue.
    looked_up = model.items(torch.cat([batch.history.flatten(), batch.candidates]))
    inputs, vectors = looked_up.split([batch.history.numel(), len(batch.candidates)])
    input_weights = model.input_weights(batch.history, batch.distances)
    sums, halves = model.state_of(inputs.view(*batch.history.shape, -1), input_weights)
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
        threads,
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
    """Loss and gradients in one pass over parts of the users: three matrix products a part.

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
        threads: Threads,
    ) -> torch.Tensor:
        bias = level @ w1.T + b1
        w2_w1 = w1 * w2[:, None]
        form = cheapest_form(vectors, w1)
        values_at_once = form.values_at_once if slope.device.type == "cpu" else GPU_AT_ONCE
        users_at_once = max(1, values_at_once // (len(vectors) * max(w1.shape)))

        # Each thread has a run of users, and takes as many at a time as fit into its caches.
        @torch.no_grad()
        def gradients(run: Batch, slope: torch.Tensor, bias: torch.Tensor) -> _Gradients:
            layer = form(vectors, w1, w2_w1)
            parts = run.parts(max(1, -(-len(slope) // users_at_once)))
            lengths = [len(part.target) for part in parts]
            sums = _joined(
                _gradients_of_part(layer, *of_part, w2, b2, relu_on_score)
                for of_part in zip(parts, slope.split(lengths), bias.split(lengths), strict=True)
            )
            return _Gradients._make((*sums, *layer.gradients_of_all()))

        runs = batch.parts(max(1, min(threads.count, len(slope))))
        lengths = [len(run.target) for run in runs]
        of_runs = threads.map(gradients, runs, slope.split(lengths), bias.split(lengths))
        total = _Gradients._make(_joined(of_runs))
        d_bias = total.bias * w2
        ctx.save_for_backward(
            total.slope,
            d_bias @ w1,
            total.vectors,
            torch.addmm(total.w1 * w2[:, None], d_bias.T, level),
            d_bias.sum(dim=0),
            total.w2,
            total.b2,
        )
        ctx.n_users = batch.n_users
        return total.loss / batch.n_users

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        share = grad / ctx.n_users
        return (*(gradient * share for gradient in ctx.saved_tensors), None, None, None)


class _Gradients(NamedTuple):
    """The summed loss of n users, and its gradients.

    Those of bias and W1 are without the factor w2, which the caller puts back.

    Attributes:
        slope: [n, d].
        bias: [n, h].
        loss: [].
        w2: [h].
        b2: [1].
        vectors: [c, d].
        w1: [h, d].
    """

    slope: torch.Tensor
    bias: torch.Tensor
    loss: torch.Tensor
    w2: torch.Tensor
    b2: torch.Tensor
    vectors: torch.Tensor
    w1: torch.Tensor


def _joined(of_parts: Iterable[Iterable[torch.Tensor]]) -> list[torch.Tensor]:
    """Of the users of all parts: rows of users in slope and bias, and sums of the rest."""
    slopes, biases, sums = [], [], list[torch.Tensor]()
    for slope, bias, *shares in of_parts:
        slopes.append(slope)
        biases.append(bias)
        if sums:
            torch._foreach_add_(sums, shares)
        else:
            sums = shares
    return [torch.cat(slopes), torch.cat(biases), *sums]


def _gradients_of_part(  # noqa: PLR0917
    layer: HiddenLayer,
    part: Batch,
    slope: torch.Tensor,
    bias: torch.Tensor,
    w2: torch.Tensor,
    b2: torch.Tensor,
    relu_on_score: bool,
) -> tuple[torch.Tensor, ...]:
    """The first five of `_Gradients`; scores and what is of their kind are [c, n]."""
    target, log_q_correction = part.target[None], part.log_q_correction[:, None]
    offset = log_q_correction.repeat(1, len(bias))
    user, candidate = part.user_items
    offset[candidate, user] = -torch.inf
    # The target competes once, however often it stands in the positions.
    once = (log_q_correction - part.weight.log()[:, None])[part.target]
    offset.scatter_(0, target, once.T)
    hidden = layer.hidden(slope, bias)
    scores = hidden @ w2 + b2
    log_p = offset.add_(scores.relu() if relu_on_score else scores).log_softmax(dim=0)
    loss = -log_p.gather(0, target).sum()
    d_scores = log_p.exp_()
    d_scores.scatter_add_(0, target, torch.full_like(target, -1, dtype=d_scores.dtype))
    if relu_on_score:
        d_scores *= scores > 0
    d_w2 = hidden.flatten(0, 1).T @ d_scores.flatten()
    # Without the last ReLU b2 moves all scores together, which the softmax does not notice: the
    # sum would be of roundings alone.
    d_b2 = d_scores.sum()[None] if relu_on_score else torch.zeros_like(b2)
    d_hidden = torch.ops.aten.threshold_backward.grad_input(
        d_scores[..., None].expand_as(hidden), hidden, 0, grad_input=hidden
    )
    d_bias = d_hidden.sum(dim=0)
    return layer.gradient(d_hidden), d_bias, loss, d_w2, d_b2
