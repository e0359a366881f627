"""A training step (loss and all gradients) against the peer's form, on one thread.

The peer's form is MicroLens's (peer.py): it puts every user's history beside every position.

    python benchmarks/training_step.py [--dimensions 64 256 1024] [--json PATH]

Both take the same batch of 64 examples, whose chunks' 704 positions (pads included) are the
candidates. The peer's form gathers [64 · 704, 11, d], pools it, and runs batch normalisation and
the layers. Each form has a process of its own, ours set up as a training is. They take turns, and
the fastest run of each counts. The peak of float32 matrix products is measured in the same run. Our
form's share of it counts three ordinary products, 6·users·candidates·d·h. Where it takes products
of blocks (nfm/hidden_layer.py), it does less, and its share can be above 100 %. Memory is what
another process of its own grows by.
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

sys.path.append(str(Path(__file__).parent.parent / "workflow" / "scripts"))

import microrank  # noqa: F401, sets OpenMP up before torch loads
import numpy as np
import torch
from microrank.nfm.chunks import Chunks
from microrank.nfm.histories import Histories
from microrank.nfm.loss import Batch, batch_loss
from microrank.nfm.memory import keep_freed_memory
from microrank.nfm.model import NFM
from peak import peak_flops
from peer import training_loss

N_ITEMS, USERS, BATCH, CHUNK = 19_738, 5_000, 64, 11
MUST, AIM = {64: 54, 256: 21.5, 1024: 16}, {64: 60, 256: 26, 1024: 20}
REPEATS = {64: 5, 256: 3, 1024: 1}
FAST_PER_PEER = 5


def example_batch() -> Batch:
    """Users of MicroLens's lengths (a median of four training items) and Zipf popularity."""
    random = np.random.default_rng(0)
    lengths = np.minimum(3 + random.geometric(0.35, USERS), 40)
    popularity = (1 + np.arange(N_ITEMS)) ** -0.8
    items = np.concatenate(
        [
            random.choice(N_ITEMS, length, replace=False, p=popularity / popularity.sum()) + 1
            for length in lengths
        ]
    )
    chunks = Chunks.of(
        Histories(np.arange(USERS), np.append(0, lengths.cumsum()), items), N_ITEMS, CHUNK
    )
    return chunks.batch(
        random.choice(len(chunks.examples), BATCH, replace=False),
        np.empty(0, np.int64),
        whole_chunks=True,
    )


FORMS: dict[str, Callable[[NFM, Batch], torch.Tensor]] = {
    "fast": batch_loss,
    "peer": training_loss,
}


class Runner:
    """A form's model and batch, in a process that runs this form alone."""

    here: "Runner"

    def __init__(self, form: str, dimension: int) -> None:
        torch.set_num_threads(1)
        if form == "fast":
            keep_freed_memory()
        self.form, self.model, self.batch = form, new_model(dimension), example_batch()

    @classmethod
    def start(cls, form: str, dimension: int) -> None:
        """Make this process's runner."""
        cls.here = cls(form, dimension)

    @classmethod
    def step(cls) -> float:
        """Processor seconds of one step."""
        runner = cls.here
        runner.model.zero_grad()
        began = time.process_time()
        FORMS[runner.form](runner.model, runner.batch).backward()
        return time.process_time() - began


def new_model(dimension: int) -> NFM:
    model = NFM(N_ITEMS, dimension, dimension)
    model.initialise(torch.Generator().manual_seed(0))
    return model.train()


def grown_mb(form: str, dimension: int) -> float:
    """What one step adds to the memory of a fresh process, MB."""
    out = subprocess.run(
        [sys.executable, __file__, "--memory", form, str(dimension)],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(out.stdout)


def _print_memory(form: str, dimension: int) -> None:
    model, batch = new_model(dimension), example_batch()
    model.items.weight.grad = torch.zeros_like(model.items.weight)
    before = _peak_kb()
    FORMS[form](model, batch).backward()
    print((_peak_kb() - before) / 1024)


def _peak_kb() -> int:
    """Peak resident size of this process.

    getrusage would count the parent's from before the exec.
    """
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


def measure(dimension: int) -> list[dict[str, Any]]:
    best = dict.fromkeys(FORMS, float("inf"))
    peak = peak_flops() / 1e9
    context = multiprocessing.get_context("spawn")
    with ExitStack() as pools:
        processes = {
            form: pools.enter_context(
                ProcessPoolExecutor(1, context, Runner.start, (form, dimension))
            )
            for form in FORMS
        }
        processes["fast"].submit(Runner.step).result()
        for _ in range(REPEATS[dimension]):
            for form, times in (("peer", 1), ("fast", FAST_PER_PEER)):
                for _ in range(times):
                    seconds = processes[form].submit(Runner.step).result()
                    best[form] = min(best[form], seconds)
            peak = max(peak, peak_flops() / 1e9)
    n_candidates = len(example_batch().candidates)
    share = 6 * BATCH * n_candidates * dimension**2 / best["fast"] / 1e9 / peak
    memory = {form: grown_mb(form, dimension) for form in FORMS}
    times = f"{best['peer'] * 1e3:.0f} → {best['fast'] * 1e3:.1f} ms; peak {peak:.0f} GFLOP/s"
    note = f"{times}; memory of the step {memory['peer']:.0f} → {memory['fast']:.0f} MB"
    return [
        {
            "what": f"training step, batch {BATCH}, d = {dimension}",
            "against": "peer's form",
            "ratio": round(best["peer"] / best["fast"], 1),
            "must": MUST[dimension],
            "aim": AIM[dimension],
            "share_of_peak": round(share, 3),
            "memory_mb": round(memory["fast"]),
            "note": note,
        },
        {
            "what": f"memory of that step, d = {dimension}",
            "against": "peer's form",
            "ratio": round(memory["peer"] / max(memory["fast"], 1), 1),
            "must": 10,
            "aim": None,
            "share_of_peak": None,
            "memory_mb": round(memory["fast"]),
            "note": note,
        },
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--dimensions", type=int, nargs="+", default=[64, 256, 1024], choices=list(MUST)
    )
    parser.add_argument("--json", type=Path)
    parser.add_argument("--memory", nargs=2, metavar=("FORM", "D"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.memory:
        _print_memory(arguments.memory[0], int(arguments.memory[1]))
        return
    rows = [row for dimension in arguments.dimensions for row in measure(dimension)]
    for row in rows:
        print(
            f"{row['what']}: {row['ratio']}× (must {row['must']}×), "
            f"share of peak {row['share_of_peak']}; {row['note']}"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
