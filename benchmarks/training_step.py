"""A training step (loss and all gradients) against the plain form, on one thread.

The plain form materialises users × positions × history × d.

    python benchmarks/training_step.py [--dimensions 64 256 1024] [--json PATH]

Both take the same batch of 64 examples, whose chunks' 704 positions (pads included) are the
candidates. The plain form gathers the vectors of every user's history beside every position's, [64,
704, 11, d], pools them, and runs batch normalisation and the layers, as MicroLens's code does. Runs
take turns in one process and the fastest of each counts; the peak of float32 matrix products is
measured in the same run, and the fast form's share of it counts the arithmetic that it must do,
6·users·candidates·d·h (three products). Memory is what a process of its own grows by.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

sys.path.append(str(Path(__file__).parent.parent / "workflow" / "scripts"))

from microrank.nfm.chunks import Chunks
from microrank.nfm.histories import Histories
from microrank.nfm.loss import Batch, batch_loss
from microrank.nfm.model import NFM
from peak import peak_flops

N_ITEMS, USERS, BATCH, CHUNK = 19_738, 5_000, 64, 11
MUST, SHARE_MUST = {64: 35, 256: 22, 1024: 20}, {64: 0.25, 256: 0.50, 1024: 0.70}
REPEATS = {64: 5, 256: 3, 1024: 1}
FAST_PER_PLAIN = 5


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


def plain_loss(model: NFM, batch: Batch) -> torch.Tensor:
    """The same loss, every user with every position."""
    positions = torch.cat(
        [
            batch.candidates.repeat_interleave(batch.weight.long()),
            torch.zeros(batch.pads, dtype=torch.long),
        ]
    )
    n = len(batch.history)
    sets = torch.cat(
        [
            batch.history[:, None, :].expand(-1, len(positions), -1),
            positions[None, :, None].expand(n, -1, -1),
        ],
        dim=2,
    )
    vectors = model.items(sets) * (sets != 0)[..., None]
    pairs = (vectors.sum(dim=2) ** 2 - (vectors**2).sum(dim=2)) / 2
    scores = model.output(torch.relu(model.hidden(model.norm(pairs.flatten(0, 1))))).view(n, -1)
    real = positions != 0
    column = torch.searchsorted(batch.candidates, positions[real])
    logits = scores[:, real] + (batch.log_q_correction - batch.weight.log())[column]
    left_out = torch.zeros(n, len(batch.candidates), dtype=torch.bool)
    left_out[batch.user_items] = True
    left_out = left_out[:, column] | (column == batch.target[:, None])
    first_copy = torch.searchsorted(positions[real].contiguous(), batch.candidates[batch.target])
    left_out[torch.arange(n), first_copy] = False
    return torch.nn.functional.cross_entropy(logits.masked_fill(left_out, -torch.inf), first_copy)


FORMS: dict[str, Callable[[NFM, Batch], torch.Tensor]] = {"fast": batch_loss, "plain": plain_loss}


def step(form: str, model: NFM, batch: Batch) -> float:
    """Processor seconds of one step."""
    model.zero_grad()
    began = time.process_time()
    FORMS[form](model, batch).backward()
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
    model, batch = new_model(dimension), example_batch()
    best = dict.fromkeys(FORMS, float("inf"))
    peak = peak_flops() / 1e9
    step("fast", model, batch)
    for _ in range(REPEATS[dimension]):
        best["plain"] = min(best["plain"], step("plain", model, batch))
        best["fast"] = min(
            best["fast"], *(step("fast", model, batch) for _ in range(FAST_PER_PLAIN))
        )
        peak = max(peak, peak_flops() / 1e9)
    share = 6 * BATCH * len(batch.candidates) * dimension**2 / best["fast"] / 1e9 / peak
    memory = {form: grown_mb(form, dimension) for form in FORMS}
    times = f"{best['plain'] * 1e3:.0f} → {best['fast'] * 1e3:.1f} ms; peak {peak:.0f} GFLOP/s"
    note = f"{times}; memory of the step {memory['plain']:.0f} → {memory['fast']:.0f} MB"
    return [
        {
            "what": f"training step, in-batch loss, batch {BATCH}, d = {dimension}",
            "ratio": round(best["plain"] / best["fast"], 1),
            "must": MUST[dimension],
            "aim": None,
            "share_of_peak": round(share, 3),
            "memory_mb": round(memory["fast"]),
            "note": note,
        },
        {
            "what": f"memory of that step, d = {dimension}",
            "ratio": round(memory["plain"] / max(memory["fast"], 1), 1),
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
