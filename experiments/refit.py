"""How the refit was chosen: forms of it, on a split of train alone.

    python experiments/refit.py results/microlens-50k --seeds 3

Each user's last item but two is valid here, and the last but one is test. The study's own test is
not read. The model is trained on what is before, stopped by this valid, and then refitted in
several ways. HR@10 and NDCG@10 are of the test items of 10,000 users.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

sys.path.append(str(Path(__file__).parent.parent / "workflow" / "scripts"))

import microrank  # noqa: F401, sets OpenMP up before torch loads
import torch
from microrank.evaluation.hit_rate import hit_rate
from microrank.evaluation.ndcg import ndcg
from microrank.nfm.curve import best_half_epoch
from microrank.nfm.histories import gather_histories
from microrank.nfm.model import NFM
from microrank.nfm.processes import ALONE
from microrank.nfm.settings import Recipe
from microrank.nfm.train import refit_nfm, train_nfm, training_chunks
from microrank.nfm.training_run import TrainingRun
from microrank.nfm.validation import ValidationSample
from microrank.seeds import generator
from quality import Splits, recipe_of

N_USERS = 10_000
PASSES, RATES = (1, 2, 3, 4), (0.2, 0.3, 0.5)


@dataclass(frozen=True)
class EarlierSplits:
    """What the splits would be if nobody had taken the last item yet: tables SPLIT and ITEMS."""

    train: pa.Table
    valid: pa.Table
    test: pa.Table
    items: pa.Table

    @classmethod
    def of(cls, splits: Splits) -> "EarlierSplits":
        """Those of users with two items of train or more."""
        users, positions = (splits.train[name].to_numpy() for name in ("user_id", "position"))
        order = np.lexsort((positions, users))
        last = np.zeros(len(users), bool)
        last[order] = np.append(users[order][1:] != users[order][:-1], True)
        train = splits.train.filter(pa.array(~last))
        valid, test = (
            table.filter(pc.is_in(table["user_id"], pc.unique(train["user_id"])))
            for table in (splits.train.filter(pa.array(last)), splits.valid)
        )
        return cls(train, valid, test, splits.items)


def main() -> None:
    """Measure the seeds that the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    splits, recipe = EarlierSplits.of(Splits(chosen.results)), recipe_of("sampled", [])
    for seed in range(1, chosen.seeds + 1):
        began = time.process_time()
        for form, model in refits(splits, recipe, seed):
            seconds = time.process_time() - began
            print(
                f"seed {seed}, {form}: {quality(splits, recipe, model)}, {seconds:.0f} s",
                flush=True,
            )
            began = time.process_time()


def refits(splits: EarlierSplits, recipe: Recipe, seed: int) -> Iterator[tuple[str, NFM]]:
    """The model as trained, trained anew on all data, and trained further in several ways."""
    trained = train_nfm(splits.train, splits.valid, splits.items, recipe, seed)
    past = [splits.train, splits.valid]
    yield "no refit", trained.model
    yield "anew, as long as was best", anew(splits, recipe, best_half_epoch(trained.curve), seed)
    for passes in PASSES:
        for rate in RATES:
            changed = replace(recipe, refit_passes=passes, refit_rate=rate)
            model = refit_nfm(trained.model, past, splits.items, changed, seed).model
            yield f"further, {passes} passes, rate {rate}", model


def anew(splits: EarlierSplits, recipe: Recipe, half_epochs: int, seed: int) -> NFM:
    """A model trained from nothing on train and valid."""
    histories = gather_histories([splits.train, splits.valid], splits.items)
    chunks = training_chunks(histories, splits.items, recipe)
    run = TrainingRun(chunks, recipe, generator(seed, "anew"), device="cpu", processes=ALONE)
    for _ in range(half_epochs):
        run.half_epoch(None)
    return run.trained().model


def quality(splits: EarlierSplits, recipe: Recipe, model: NFM) -> str:
    """HR@10 and NDCG@10 in words."""
    sample = ValidationSample.of(
        gather_histories([splits.train, splits.valid], splits.items),
        splits.test,
        splits.items,
        replace(recipe, valid_users=N_USERS),
        np.random.default_rng(0),
    )
    ranks = sample.ranks(model)
    return f"HR@10 {hit_rate(ranks, 10).mean():.4f}, NDCG@10 {ndcg(ranks, 10).mean():.4f}"


if __name__ == "__main__":
    main()
