"""One step of a batch's loss in several processes, for tests to hold against one."""

import os
import socket
from pathlib import Path
from typing import NamedTuple

import torch
from microrank.nfm.loss import Batch
from microrank.nfm.model import NFM
from microrank.nfm.processes import Processes
from microrank.nfm.threads import ONE_THREAD
from nfm.test_loss import batch_of, model_of


class Setting(NamedTuple):
    """Hidden units, decay of the inputs' weights, past inputs, and matrix between the fields."""

    hidden: int
    decay: float
    past_inputs: int | None
    field_matrix: bool


def step_of_processes(folder: Path, count: int, setting: Setting) -> dict[str, torch.Tensor]:
    """Loss, gradients and running statistics after one step of `count` processes.

    They are float64, as the last process has them.
    """
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    torch.multiprocessing.spawn(_step, (folder, count, setting, port), nprocs=count)
    return torch.load(folder / "step.pt", weights_only=True)


def batch_and_model(setting: Setting) -> tuple[Batch, NFM]:
    """The same in every process: users of several lengths, pads, duplicates, dropped inputs."""
    batch = batch_of(3, [2, 5, 3, 7], True, 4, setting.past_inputs)
    model = model_of(3, 5, setting.hidden, False, setting.decay, setting.field_matrix)
    return batch, model


def _step(rank: int, folder: Path, count: int, setting: Setting, port: int) -> None:
    torch.set_num_threads(1)
    os.environ |= {
        "RANK": str(rank),
        "WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    processes = Processes.of_torchrun("cpu")
    batch, model = batch_and_model(setting)
    found = {
        "loss": torch.tensor(processes.shared_loss(model)(batch, ONE_THREAD), dtype=torch.float64)
    }
    found |= {name: value.grad for name, value in model.named_parameters()} | dict(
        model.named_buffers()
    )
    if rank == count - 1:
        torch.save(found, folder / "step.pt")
    torch.distributed.destroy_process_group()
