"""A training as one of the processes that torchrun starts, on one machine or on many.

Every process reads the same files, which must lie where all can see them. The first one, which is
on the rule's own machine, writes. docs/scale.md says how to start it on several machines.
"""

import json
import logging
import os
import shlex
import socket
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import torch

from microrank.errors import StudyError
from microrank.nfm.processes import Processes
from microrank.nfm.training_job import TrainingJob, train_from_files

# Stands between level and message of a process's log line, to tell it from torchrun's own lines.
MARK = " microrank: "

log = logging.getLogger(__name__)


def train_by_torchrun(job: TrainingJob, n_processes: int, n_nodes: int = 1) -> None:
    """Train in `n_processes` processes of this machine and as many of each other machine.

    On the other machines somebody must start the command that the log names. This machine waits
    for them for some minutes.

    Args:
        job: what to train.
        n_processes: on each machine.
        n_nodes: machines.

    Raises:
        StudyError: a process failed, with its message where it gave one; what torchrun said of it
            stands in the log.
    """
    path = Path(job.model).with_suffix(".job.json")
    path.write_text(json.dumps(asdict(job)))
    environment = {
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "OMP_NUM_THREADS": str(job.threads),
    }
    command = _command(path, n_processes, n_nodes)
    try:
        _log_commands_of_other_machines(command, environment, n_nodes)
        errors, exit_status = _run(command, environment)
    finally:
        path.unlink()
    if errors:
        raise StudyError(errors[0])
    if exit_status:
        raise StudyError(
            f"nfm.processes: one of {n_processes * n_nodes} processes failed "
            f"(exit {exit_status}); the job's log has what it said"
        )


def _command(job_path: Path, n_processes: int, n_nodes: int) -> list[str]:
    """What starts the processes of the first machine."""
    meeting = ["--standalone"]
    if n_nodes > 1:
        meeting = [
            f"--nnodes={n_nodes}",
            f"--master-addr={socket.gethostname()}",
            f"--master-port={_free_port()}",
            "--node-rank=0",
        ]
    torchrun = [sys.executable, "-m", "torch.distributed.run", *meeting]
    return [*torchrun, f"--nproc-per-node={n_processes}", "-m", __name__, str(job_path)]


def _log_commands_of_other_machines(
    command: list[str], environment: dict[str, str], n_nodes: int
) -> None:
    for node in range(1, n_nodes):
        settings = [f"{name}={value}" for name, value in environment.items()]
        there = ["env", *settings, *command]
        there[there.index("--node-rank=0")] = f"--node-rank={node}"
        log.info(
            "waiting for machine %d of %d; start there: cd %s && %s",
            node + 1,
            n_nodes,
            shlex.quote(os.getcwd()),
            shlex.join(there),
        )


def _run(command: list[str], environment: dict[str, str]) -> tuple[list[str], int]:
    """Run the command and log what it writes; gives its processes' errors and the exit status."""
    errors = []
    with subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as running:
        for line in running.stdout or ():
            level, mark, message = line.rstrip().partition(MARK)
            if mark and level == "ERROR":
                errors.append(message)
            elif mark:
                log.info("%s", message, extra={"log_file_only": False})
            else:  # torchrun's report of a failed process fills a screen without the reason
                log.info("%s", line.rstrip(), extra={"log_file_only": True})
    return errors, running.returncode


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("", 0))
        return int(listener.getsockname()[1])


def main(job_path: str) -> None:
    """Be one of torchrun's processes."""
    logging.basicConfig(
        level=logging.INFO if os.environ["RANK"] == "0" else logging.WARNING,
        format=f"%(levelname)s{MARK}%(message)s",
    )
    job = TrainingJob(**json.loads(Path(job_path).read_text()))
    if job.device.startswith("cuda"):
        job = replace(job, device=f"cuda:{os.environ['LOCAL_RANK']}")
        torch.cuda.set_device(job.device)
    processes = Processes.of_torchrun(job.device)
    try:
        train_from_files(job, processes)
    except StudyError as error:
        log.error("%s", " ".join(str(error).split()))
        sys.exit(1)
    finally:
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1])
