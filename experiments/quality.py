"""How good the recommender's lists are over all users: mean and standard deviation over seeds, and what it costs.

    python experiments/quality.py results/microlens-50k --recipe sampled --seeds 3
    python experiments/quality.py results/microlens-50k --recipe reference --set dimension=64 hidden=64 --seeds 3

Needs the splits that the workflow made. Trains, refits where the recipe says so, ranks and evaluates as the rules do, on one thread; what
valid says decides when training stops, and test is read once a seed, at the end.
"""

import argparse
import json
import logging
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
import yaml

sys.path.append(str(Path(__file__).parent.parent / "workflow" / "scripts"))

from microrank import tables
from microrank.evaluation.recommender import evaluate_nfm
from microrank.nfm.rank import recommend_top_k
from microrank.nfm.settings import Recipe
from microrank.nfm.train import best_half_epoch, refit_nfm, train_nfm

ROOT = Path(__file__).parent.parent
K = 20
SHOWN = ("HR@5", "HR@10", "HR@20", "NDCG@10", "NDCG@20")
log = logging.getLogger("quality")


class Splits:
    """The tables of a results folder."""

    def __init__(self, folder: Path) -> None:
        self.train, self.valid, self.test = (
            self._split(folder, name) for name in ("train", "valid", "test")
        )
        self.items = tables.read_table(folder / "splits/items.parquet", tables.ITEMS)

    @staticmethod
    def _split(folder: Path, name: str) -> pa.Table:
        return tables.read_table(folder / f"splits/{name}.parquet", tables.SPLIT)


def recipe_of(name: str, changes: list[str]) -> Recipe:
    """The config's recipe of that name, with `key=value` laid over it."""
    recipe = yaml.safe_load((ROOT / "config/config.yaml").read_text())["nfm"]["recipes"][name]
    return replace(
        Recipe.from_config(recipe),
        **{key: yaml.safe_load(value) for key, _, value in (one.partition("=") for one in changes)},
    )


def measure(splits: Splits, recipe: Recipe, seed: int) -> dict[str, Any]:
    """Metrics on test, the curve, and processor seconds of training and ranking."""
    began = time.process_time()
    model, curve, _ = train_nfm(splits.train, splits.valid, splits.items, recipe, seed)
    past = [splits.train, splits.valid]
    if recipe.refit:
        model = refit_nfm(past, splits.items, recipe, best_half_epoch(curve), seed).model
    trained = time.process_time()
    lists = recommend_top_k(model, past, splits.items, K, history_length=recipe.history_length)
    ranked = time.process_time()
    trained_on = past if recipe.refit else past[:1]
    metrics = evaluate_nfm(
        lists,
        splits.test,
        np.unique(np.concatenate([split["item_id"].to_numpy() for split in trained_on])),
    )
    seconds = {
        "training_cpu_s": round(trained - began, 1),
        "ranking_cpu_s": round(ranked - trained, 1),
    }
    return {"seed": seed, **metrics["all_users"], **seconds, "curve": curve}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path)
    parser.add_argument("--recipe", default="sampled")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    torch.set_num_threads(1)
    splits, recipe = Splits(chosen.results), recipe_of(chosen.recipe, chosen.set)
    found = []
    for seed in range(chosen.first_seed, chosen.first_seed + chosen.seeds):
        found.append(measure(splits, recipe, seed))
        told = "  ".join(f"{name} {found[-1][name]:.5f}" for name in SHOWN)
        print(
            f"seed {seed}: {told}  {found[-1]['training_cpu_s']:.0f} + {found[-1]['ranking_cpu_s']:.0f} CPU-s",
            flush=True,
        )
        print(
            "  valid NDCG@10 by half epoch: "
            + " ".join(f"{row[3]:.5f}" for row in found[-1]["curve"]),
            flush=True,
        )
    for name in (*SHOWN, "training_cpu_s", "ranking_cpu_s"):
        values = [one[name] for one in found]
        spread = statistics.stdev(values) if len(values) > 1 else float("nan")
        print(f"{name}: {statistics.mean(values):.5f} ± {spread:.5f}")
    if chosen.json:
        chosen.json.write_text(
            json.dumps({"recipe": chosen.recipe, "changes": chosen.set, "seeds": found}, indent=1)
            + "\n"
        )


if __name__ == "__main__":
    main()
