"""One step of a batch's loss in several processes, for tests to hold against one."""

import os
import socket
from pathlib import Path

import torch
from microrank.nfm.processes import Processes
from nfm.test_loss import batch_of, model_of


def step_of_processes(folder: Path, count: int, hidden: int) -> dict[str, torch.Tensor]:
    """Loss, gradients and running statistics after one step of `count` processes.

    They are float64, as the last process has them.
    """
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    torch.multiprocessing.spawn(_step, (folder, count, hidden, port), nprocs=count)
    return torch.load(folder / "step.pt", weights_only=True)


def batch_and_model(hidden: int):
    """The same in every process: users of several lengths, pads, duplicates, dropped inputs."""
    return batch_of(3, [2, 5, 3, 7], True, 4), model_of(3, 5, hidden, False)


def _step(rank: int, folder: Path, count: int, hidden: int, port: int) -> None:
    torch.set_num_threads(1)
    os.environ |= {
        "RANK": str(rank),
        "WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    processes = Processes.of_torchrun("cpu")
    batch, model = batch_and_model(hidden)
    found = {"loss": torch.tensor(processes.shared_loss(model)(batch), dtype=torch.float64)}
    found |= {name: value.grad for name, value in model.named_parameters()} | dict(
        model.named_buffers()
    )
    if rank == count - 1:
        torch.save(found, folder / "step.pt")
    torch.distributed.destroy_process_group()
