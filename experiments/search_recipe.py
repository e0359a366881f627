"""The search for the default recipe: candidates trained alike, judged on valid alone.

    python experiments/search_recipe.py results/microlens-50k
    python experiments/search_recipe.py results/microlens-50k --only default "no matrix"

Every candidate differs in the named settings from the default recipe of config/config.yaml, trains
with one seed on train for the same number of half epochs, and is measured once, at its end, on the
valid items of the same 10,000 users. Prints a markdown table. `experiments/quality.py` then reads
test, once, for the candidate that was chosen.
"""

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).parent.parent / "workflow" / "scripts"))

import microrank  # noqa: F401, sets OpenMP up before torch loads
import torch
from microrank.evaluation.hit_rate import hit_rate
from microrank.evaluation.ndcg import ndcg
from microrank.nfm.histories import gather_histories
from microrank.nfm.processes import ALONE
from microrank.nfm.settings import Recipe
from microrank.nfm.train import training_chunks
from microrank.nfm.training_run import TrainingRun
from microrank.nfm.validation import ValidationSample
from microrank.seeds import generator
from quality import Splits, recipe_of

HALF_EPOCHS = 6
N_USERS = 10_000
LARGE_BATCH = {"batch_size": 256, "extra_candidates": 128}
CANDIDATES: dict[str, dict[str, Any]] = {
    "default": {},
    "no matrix": {"field_matrix": False},
    "no matrix, hidden 64": {"field_matrix": False, "hidden": 64},
    "no matrix, hidden 64, large batch": {"field_matrix": False, "hidden": 64, **LARGE_BATCH},
    "no matrix, hidden 64, dropout .1": {
        "field_matrix": False,
        "hidden": 64,
        "input_dropout": 0.1,
    },
    "no matrix, decay 1.2": {"field_matrix": False, "recency_decay": 1.2},
    "hidden 64": {"hidden": 64},
    "decay .5": {"recency_decay": 0.5},
    "decay 0": {"recency_decay": 0.0},
    "all other items as input": {"past_only": False},
    "d = 128": {"dimension": 128},
    "chunks of 100": {"chunk_length": 100},
    "9 half epochs": {"max_half_epochs": 9},
}


def main() -> None:
    """Train and measure the candidates that the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path)
    parser.add_argument("--only", nargs="*", choices=CANDIDATES, default=list(CANDIDATES))
    parser.add_argument("--half-epochs", type=int, default=HALF_EPOCHS)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    splits = Splits(chosen.results)
    base = replace(recipe_of("sampled", []), max_half_epochs=chosen.half_epochs)
    print("| candidate | HR@10 | NDCG@10 | processor seconds |\n|---|---|---|---|", flush=True)
    for name in chosen.only:
        recipe = replace(base, **CANDIDATES[name])
        began = time.process_time()
        ranks = valid_ranks(splits, recipe, chosen.seed)
        seconds = time.process_time() - began
        quality = f"{hit_rate(ranks, 10).mean():.4f} | {ndcg(ranks, 10).mean():.4f}"
        print(f"| {name} | {quality} | {seconds:.0f} |", flush=True)


def valid_ranks(splits: Splits, recipe: Recipe, seed: int) -> np.ndarray:
    """Ranks of the valid items of the sampled users, after training on train, [n_users]."""
    histories = gather_histories([splits.train], splits.items)
    chunks = training_chunks(histories, splits.items, recipe)
    run = TrainingRun(chunks, recipe, generator(seed, "search"), device="cpu", processes=ALONE)
    for _ in range(recipe.max_half_epochs):
        run.half_epoch(None)
    sample = ValidationSample.of(
        histories,
        splits.valid,
        splits.items,
        replace(recipe, valid_users=N_USERS),
        np.random.default_rng(0),
    )
    return sample.ranks(run.trained().model)


if __name__ == "__main__":
    main()
