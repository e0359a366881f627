"""One training shared by the processes that torchrun starts.

Each process takes its part of the users of every batch. All draw the same batches and hold the same
model. The statistics of batch normalisation are those of the whole batch, and
DistributedDataParallel adds the gradients up; so the model is, rounding aside, that of one process.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from microrank.nfm.loss import Batch, batch_loss
from microrank.nfm.model import NFM
from microrank.nfm.threads import Threads


@dataclass(frozen=True)
class Processes:
    """The processes that share a training.

    Attributes:
        rank: which of them this one is, from 0.
        count: how many they are.
    """

    rank: int = 0
    count: int = 1

    @classmethod
    def of_torchrun(cls, device: str) -> "Processes":
        """Join the others by torchrun's variables: NCCL between GPUs, gloo between processors."""
        distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")
        return cls(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files."""
        return self.rank == 0

    @property
    def identity(self) -> list[object]:
        """What the last bits of results depend on."""
        return [self.count, torch.get_num_threads()]

    def shared_loss(self, model: NFM) -> Callable[[Batch, Threads], float]:
        """A function that gives a batch's loss and leaves its gradients in the model's parameters.

        Both are of the whole batch. The threads share the users of this process.
        """
        device = model.items.weight.device

        def alone(batch: Batch, threads: Threads) -> float:
            loss = batch_loss(model, batch.to(device), threads)
            loss.backward()
            return float(loss.detach())

        if self.count == 1:
            return alone
        wrapped = DistributedDataParallel(_Loss(model), broadcast_buffers=False)

        def together(batch: Batch, threads: Threads) -> float:
            part = wrapped(batch.part(self.rank, self.count).to(device), threads)
            # The wrapper takes the mean of all processes' gradients; their sum is wanted.
            (part * self.count).backward()
            whole = part.detach()
            distributed.all_reduce(whole)
            return float(whole)

        return together

    def agreed(self, value: float) -> float:
        """The first process's value, so that all decide the same."""
        if self.count == 1:
            return value
        device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
        shared = torch.tensor(value, dtype=torch.float64, device=device)
        distributed.broadcast(shared, src=0)
        return float(shared)


ALONE = Processes()


class _Loss(torch.nn.Module):
    """The loss as a module, which is what DistributedDataParallel can wrap."""

    def __init__(self, model: NFM) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch, threads: Threads) -> torch.Tensor:
        return batch_loss(self.model, batch, threads)
