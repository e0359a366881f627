"""Which recipe trains the best recommender within a budget of processor time: a random search that only ever looks at valid.

    python experiments/search_recipe.py results/microlens-50k --settings 12 --budget 240

Every setting gets the same processor seconds on one thread: its first steps are timed, and the number of half epochs that fit decides
over what stretch its learning rate falls to 0. Then `experiments/quality.py --set …` reads test, once.
"""

import argparse
import json
import logging
import sys
import time
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.append(str(Path(__file__).parent.parent / "workflow" / "scripts"))

from microrank.nfm.chunks import Chunks
from microrank.nfm.histories import gather_histories
from microrank.nfm.processes import ALONE
from microrank.nfm.settings import Recipe
from microrank.nfm.train import _Run, best_half_epoch, train_nfm
from microrank.seeds import generator
from quality import Splits, recipe_of

GRID: dict[str, list[Any]] = {
    "dimension": [32, 64, 128],
    "hidden": [32, 64],
    "batch_size": [128, 256, 512],
    "extra_candidates": [0, 128, 256],
    "learning_rate": [0.001, 0.002, 0.003, 0.005],
    "weight_decay": [0.1, 0.3, 1.0],
    "input_dropout": [0.0, 0.1, 0.25, 0.4],
    "weights_average": [0.0, 0.995, 0.998, 0.999],
}
TIMED_STEPS = 40
MOST_HALF_EPOCHS = 12
log = logging.getLogger("search")


def settings_to_try(n: int, seed: int) -> list[dict[str, Any]]:
    """No change at all, then n − 1 different ones drawn from the grid."""
    random = np.random.default_rng(seed)
    size = int(np.prod([len(values) for values in GRID.values()]))
    combinations = list(product(*GRID.values()))
    drawn = [
        dict(zip(GRID, combinations[place], strict=True))
        for place in random.choice(size, n - 1, replace=False)
    ]
    return [{}, *drawn]


def half_epochs_within(splits: Splits, recipe: Recipe, budget_s: float) -> int:
    """How many half epochs, one judgement each, fit into so many processor seconds."""
    chunks = Chunks.of(
        gather_histories([splits.train], splits.items), len(splits.items), recipe.chunk_length
    )
    run = _Run(
        chunks, len(splits.items), recipe, generator(0, "timing"), device="cpu", processes=ALONE
    )
    run.model.train()
    for step in range(5):
        run._step(step)
    began = time.process_time()
    for step in range(5, 5 + TIMED_STEPS):
        run._step(step)
    half_epoch_s = (time.process_time() - began) / TIMED_STEPS * run.steps
    return max(1, min(MOST_HALF_EPOCHS, int(budget_s / half_epoch_s)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path)
    parser.add_argument("--recipe", default="sampled")
    parser.add_argument("--settings", type=int, default=12)
    parser.add_argument("--budget", type=float, default=240.0, help="processor seconds a setting")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    torch.set_num_threads(1)
    splits, base = Splits(chosen.results), recipe_of(chosen.recipe, [])
    found = []
    for changes in settings_to_try(chosen.settings, chosen.seed):
        recipe = replace(base, **changes)
        half_epochs = half_epochs_within(splits, recipe, chosen.budget)
        recipe = replace(recipe, max_half_epochs=half_epochs, patience=half_epochs)
        began = time.process_time()
        curve = train_nfm(splits.train, splits.valid, splits.items, recipe, chosen.seed).curve
        score = max(row[3] for row in curve)
        found.append(
            {
                "valid_ndcg@10": score,
                "best": best_half_epoch(curve),
                "cpu_s": time.process_time() - began,
                **asdict(recipe),
            }
        )
        told = " ".join(f"{key}={value}" for key, value in changes.items()) or "the recipe as it is"
        print(
            f"{score:.5f} after {found[-1]['best']} of {half_epochs} half epochs, {found[-1]['cpu_s']:.0f} CPU-s: {told}",
            flush=True,
        )
    best = max(found, key=lambda one: one["valid_ndcg@10"])
    print("best: " + " ".join(f"{key}={best[key]}" for key in (*GRID, "max_half_epochs")))
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
