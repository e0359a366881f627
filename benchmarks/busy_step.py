"""A step of the default training, alone and beside other programs that use every processor.

    python benchmarks/busy_step.py [--json PATH]

The recipe is `sampled` of config.yaml, with its batches, optimiser and average, on 19,738 items and
two threads. The other programs count, one a processor. Wall time, the median of many steps.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parent.parent / "workflow" / "scripts"))

import microrank  # noqa: F401, sets OpenMP up before torch loads
import numpy as np
import torch
import yaml
from microrank.nfm.chunks import Chunks
from microrank.nfm.histories import Histories
from microrank.nfm.processes import ALONE
from microrank.nfm.settings import Recipe
from microrank.nfm.threads import python_threads
from microrank.nfm.training_run import TrainingRun

ROOT = Path(__file__).parent.parent
N_ITEMS, USERS, THREADS = 19_738, 20_000, 2
WARM_STEPS, STEPS = 50, 400
MUST_MS, AIM_MS = 55, 45


def new_run() -> TrainingRun:
    """A training of users of MicroLens's lengths, before its first step."""
    random = np.random.default_rng(0)
    lengths = np.minimum(3 + random.geometric(0.35, USERS), 40)
    items = random.integers(1, N_ITEMS + 1, lengths.sum()).astype(np.int32)
    histories = Histories(np.arange(USERS), np.append(0, lengths.cumsum()), items)
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    recipe = Recipe.from_config(config["nfm"]["recipes"]["sampled"])
    chunks = Chunks.of(histories, N_ITEMS, recipe.chunk_length, recipe.past_inputs)
    return TrainingRun(chunks, recipe, random, device="cpu", processes=ALONE)


def milliseconds_a_step(run: TrainingRun) -> float:
    """The median of `STEPS` steps."""
    torch.set_num_threads(THREADS)
    times = []
    run.model.train()
    with python_threads(torch.device("cpu")) as threads:
        for step in range(WARM_STEPS + STEPS):
            began = time.perf_counter()
            run.step(step, threads)
            times.append(time.perf_counter() - began)
    return statistics.median(times[WARM_STEPS:]) * 1e3


@contextlib.contextmanager
def busy_programs() -> Iterator[None]:
    """As many as there are processors, until the end."""
    programs = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"])
        for _ in range(os.cpu_count() or 1)
    ]
    try:
        yield
    finally:
        for program in programs:
            program.kill()
            program.wait()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    run = new_run()
    alone = milliseconds_a_step(run)
    with busy_programs():
        beside = milliseconds_a_step(run)
    row: dict[str, Any] = {
        "what": f"default training's step, {THREADS} threads, beside {os.cpu_count()} programs",
        "note": f"{beside:.1f} ms (must {MUST_MS}, aim {AIM_MS}); alone {alone:.1f} ms",
    }
    print(f"{row['what']}: {row['note']}")
    if chosen.json:
        chosen.json.write_text(json.dumps([row]) + "\n")


if __name__ == "__main__":
    main()
