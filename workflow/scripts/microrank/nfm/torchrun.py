"""Training from files to files, alone or as one of the processes that torchrun starts, on one machine or on many (docs/scale.md says how).

Every process reads the same files, which must lie where all can see them; the first one, which is on the rule's own machine, writes.
"""

import csv
import json
import logging
import os
import shlex
import socket
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from microrank import tables
from microrank.errors import StudyError
from microrank.files import read_csv, replacing
from microrank.nfm.checkpoint import save_model
from microrank.nfm.processes import ALONE, Processes
from microrank.nfm.settings import Recipe
from microrank.nfm.train import (
    CURVE,
    CurveRow,
    best_half_epoch,
    ends_training,
    refit_nfm,
    train_nfm,
)

MARK = " microrank: "  # between level and message of what a process tells, so that it stands out from what torchrun says

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingJob:
    """Paths of the splits (`past`: train, or train and valid), the settings, and where model and curve go.

    curve: for the first training, where it is written; for a refit, where it is read.
    """

    train: str
    valid: str
    catalogue: str
    recipe: dict[str, Any]
    seed: int
    device: str
    threads: int
    model: str
    curve: str
    refit: bool = False


def run_training(job: TrainingJob, n_processes: int, n_nodes: int = 1) -> None:
    """Do the job in this process, or by torchrun in `n_processes` of this machine and as many of each of the other `n_nodes` - 1.

    On those somebody else must start the command that the log then says; this machine waits for them for some minutes.

    Raises:
        StudyError: what the first process that failed raised, or that one did; what torchrun said of it stands above in the log.
    """
    if n_processes == n_nodes == 1:
        _train(job, ALONE)
        return
    path = Path(job.model).with_suffix(".job.json")
    path.write_text(json.dumps(asdict(job)))
    try:
        meeting = ["--standalone"]
        if n_nodes > 1:
            meeting = [
                f"--nnodes={n_nodes}",
                f"--master-addr={socket.gethostname()}",
                f"--master-port={_free_port()}",
                "--node-rank=0",
            ]
        torchrun = [
            sys.executable,
            "-m",
            "torch.distributed.run",
            *meeting,
            f"--nproc-per-node={n_processes}",
        ]
        environment = {
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "OMP_NUM_THREADS": str(job.threads),
        }
        command = [*torchrun, "-m", __name__, str(path)]
        complaints = []
        for node in range(1, n_nodes):
            there = ["env", *map("=".join, environment.items()), *command]
            there[there.index("--node-rank=0")] = f"--node-rank={node}"
            log.info(
                "waiting for machine %d of %d; start there: cd %s && %s",
                node + 1,
                n_nodes,
                shlex.quote(os.getcwd()),
                shlex.join(there),
            )
        with subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as running:
            for line in running.stdout or ():
                kind, marked, text = line.rstrip().partition(MARK)
                if marked and kind == "ERROR":
                    complaints.append(text)
                else:  # torchrun's own words about a process that failed fill a screen, and say nothing of why
                    log.info(
                        "%s", text if marked else line.rstrip(), extra={"log_file_only": not marked}
                    )
    finally:
        path.unlink()
    if complaints:
        raise StudyError(complaints[0])
    if running.returncode:
        raise StudyError(
            f"nfm.processes: one of {n_processes * n_nodes} processes failed (exit {running.returncode}); the job's log has what it said"
        )


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("", 0))
        return int(one.getsockname()[1])


def _train(job: TrainingJob, processes: Processes) -> None:
    torch.set_num_threads(job.threads)
    recipe = Recipe.from_config(job.recipe)
    train = tables.StoredTable(job.train, tables.SPLIT)
    items = tables.read_table(job.catalogue, tables.ITEMS)
    state = Path(job.model).parent / "training"
    if job.refit:
        half_epochs = best_half_epoch(_read_curve(job.curve, recipe))
        trained = refit_nfm(
            [train, tables.StoredTable(job.valid, tables.SPLIT)],
            items,
            recipe,
            half_epochs,
            job.seed,
            device=job.device,
            state_folder=state,
            processes=processes,
        )
    else:
        valid = tables.read_table(job.valid, tables.SPLIT)
        trained = train_nfm(
            train,
            valid,
            items,
            recipe,
            job.seed,
            device=job.device,
            state_folder=state,
            processes=processes,
        )
    if processes.first:
        save_model(job.model, trained.model, recipe)
        if not job.refit:
            with replacing(job.curve) as path, path.open("w", newline="") as file:
                csv.writer(file, lineterminator="\n").writerows([CURVE, *trained.curve])
        if (
            trained.state
        ):  # not before all is written: a full disk or a kill must not cost the training
            trained.state.unlink(missing_ok=True)


def _read_curve(path: str, recipe: Recipe) -> list[CurveRow]:
    try:
        rows = [
            (int(half), int(step), float(loss), float(score))
            for half, step, loss, score in map(dict.values, read_csv(path, CURVE))
        ]
        if not ends_training(rows, recipe):
            raise ValueError("its end is missing")
    except ValueError as error:
        raise StudyError(
            f"{path}: not the complete curve of a training ({error}); delete the file and run again"
        ) from None
    return rows


def main(path: str) -> None:
    """Be one of torchrun's processes."""
    logging.basicConfig(
        level=logging.INFO if os.environ["RANK"] == "0" else logging.WARNING,
        format=f"%(levelname)s{MARK}%(message)s",
    )
    job = TrainingJob(**json.loads(Path(path).read_text()))
    if job.device.startswith("cuda"):
        job = replace(job, device=f"cuda:{os.environ['LOCAL_RANK']}")
        torch.cuda.set_device(job.device)
    processes = Processes.of_torchrun(job.device)
    try:
        _train(job, processes)
    except StudyError as error:
        log.error("%s", " ".join(str(error).split()))
        sys.exit(1)
    finally:
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1])
