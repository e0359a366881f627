"""How good the recommender's lists are over all users: mean and deviation over seeds, and cost.

    python experiments/quality.py results/microlens-50k --recipe sampled --seeds 3
    python experiments/quality.py results/microlens-50k --set field_matrix=false --seeds 3

Needs the splits that the workflow made. Trains, refits where the recipe says so, ranks and
evaluates as the rules do, by default on one thread. What valid says decides when training stops;
test is read once a seed, at the end.
"""

import argparse
import json
import logging
import resource
import statistics
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

sys.path.append(str(Path(__file__).parent.parent / "workflow" / "scripts"))

import microrank  # noqa: F401, sets OpenMP up before torch loads
import torch
from microrank import tables
from microrank.evaluation.recommender import RecommenderMetrics, evaluate_nfm
from microrank.nfm.curve import CurveRow
from microrank.nfm.rank import recommend_top_k
from microrank.nfm.settings import Recipe
from microrank.nfm.train import refit_nfm, train_nfm

ROOT = Path(__file__).parent.parent
K = 20
SHOWN = ("HR@5", "HR@10", "HR@20", "NDCG@10", "NDCG@20")


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


@dataclass(frozen=True)
class Measured:
    """Quality and cost of one seed.

    Attributes:
        seed: of the training.
        metrics: on test.
        curve: of the training on train.
        seconds: processor and wall seconds, by stage.
        peak_gb: largest memory of the process so far.
    """

    seed: int
    metrics: RecommenderMetrics
    curve: list[CurveRow]
    seconds: dict[str, float]
    peak_gb: float

    def to_json(self) -> dict[str, Any]:
        """As a row of the json file."""
        return {**asdict(self), "metrics": self.metrics.to_json()}


class Clock:
    """Processor and wall seconds since it was last read."""

    def __init__(self) -> None:
        self.cpu, self.wall = time.process_time(), time.monotonic()

    def read(self, stage: str) -> dict[str, float]:
        """The seconds as `{stage}_cpu_s` and `{stage}_s`."""
        cpu, wall = time.process_time(), time.monotonic()
        seconds = {
            f"{stage}_cpu_s": round(cpu - self.cpu, 1),
            f"{stage}_s": round(wall - self.wall, 1),
        }
        self.cpu, self.wall = cpu, wall
        return seconds


def recipe_of(name: str, changes: list[str]) -> Recipe:
    """The config's recipe of that name, with `key=value` laid over it."""
    recipes = yaml.safe_load((ROOT / "config/config.yaml").read_text())["nfm"]["recipes"]
    pairs = [change.partition("=") for change in changes]
    changed = {key: yaml.safe_load(value) for key, _, value in pairs}
    return replace(Recipe.from_config(recipes[name]), **changed)


def measure(splits: Splits, recipe: Recipe, seed: int) -> Measured:
    """Train, refit, rank and evaluate with one seed."""
    clock, past = Clock(), [splits.train, splits.valid]
    model, curve, _ = train_nfm(splits.train, splits.valid, splits.items, recipe, seed)
    seconds = clock.read("train")
    if recipe.refit:
        model = refit_nfm(model, past, splits.items, recipe, seed).model
    seconds |= clock.read("refit")
    lists = recommend_top_k(model, past, splits.items, K, history_length=recipe.history_length)
    seconds |= clock.read("rank")
    trained_on = past if recipe.refit else past[:1]
    metrics = evaluate_nfm(lists, splits.test, trained_on, past)
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    return Measured(seed, metrics, curve, seconds, round(peak_gb, 2))


def show(measured: Measured) -> None:
    """Print a seed's figures."""
    values = measured.metrics.all_users.values
    shown = "  ".join(f"{name} {values[name]:.5f}" for name in SHOWN)
    print(f"seed {measured.seed}: {shown}", flush=True)
    curve = " ".join(f"{row.valid_ndcg:.5f}" for row in measured.curve)
    print(f"  valid NDCG@10 by half epoch: {curve}")
    print(f"  {measured.metrics.popularity.in_words()}")
    print(f"  seconds {measured.seconds}, memory {measured.peak_gb} GB", flush=True)


def show_means(rows: list[Measured]) -> None:
    """Print means and standard deviations over the seeds."""
    for name in SHOWN:
        values = [row.metrics.all_users.values[name] for row in rows]
        spread = statistics.stdev(values) if len(values) > 1 else float("nan")
        print(f"{name}: {statistics.mean(values):.5f} ± {spread:.5f}")


def main() -> None:
    """Measure the seeds that the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path)
    parser.add_argument("--recipe", default="sampled")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    torch.set_num_threads(chosen.threads)
    splits, recipe = Splits(chosen.results), recipe_of(chosen.recipe, chosen.set)
    rows = []
    for seed in range(chosen.first_seed, chosen.first_seed + chosen.seeds):
        rows.append(measure(splits, recipe, seed))
        show(rows[-1])
    show_means(rows)
    if chosen.json:
        content = {"recipe": asdict(recipe), "seeds": [row.to_json() for row in rows]}
        chosen.json.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
