"""What else a reader could have picked: quality, seconds and memory of recommenders, in one table.

    python experiments/recommenders.py results/microlens-50k --budget 300
    python experiments/recommenders.py results/microlens-50k --only item-kNN ALS

Needs the splits that the workflow made, and `implicit` (benchmarks/requirements.txt). Every method
gets the same budget of processor seconds for tuning: its settings, in the order of `METHODS`, are
fitted to train and judged by NDCG@10 on the valid items of the same 10,000 users, until the budget
is used up; at least one is tried. The best one is then fitted to train and valid, and test is read
once, for all users. Each method runs in a process of its own, on one thread.
"""

import argparse
import json
import multiprocessing
import os
import resource
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when numpy loads

import numpy as np
import pyarrow as pa
from scipy import sparse

sys.path.append(str(Path(__file__).parent.parent / "workflow" / "scripts"))

import microrank  # noqa: F401, sets OpenMP up before torch loads
import torch
from implicit.als import AlternatingLeastSquares
from implicit.nearest_neighbours import BM25Recommender
from microrank import tables
from microrank.evaluation.hit_rate import hit_rate
from microrank.evaluation.ndcg import ndcg
from microrank.nfm.folded_model import fold, score_catalogue
from microrank.nfm.histories import Histories, gather_histories
from microrank.nfm.processes import ALONE
from microrank.nfm.training_run import TrainingRun
from microrank.recommenders import sasrec
from microrank.recommenders.fitted import Interactions
from microrank.seeds import generator
from quality import Splits, recipe_of

warnings.filterwarnings("ignore", message="Method expects CSR input")  # of implicit's own making

TUNING_USERS = 10_000
BLOCK = 500  # users scored at a time
SEED = 1

# Scores [len(users), n_items + 1] of the users at these places of the histories.
Scores = Callable[[Histories, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Data:
    """Histories to fit to, and the held-out item_index of each user, 0 where there is none."""

    histories: Histories
    targets: np.ndarray
    items: pa.Table

    @property
    def n_items(self) -> int:
        """Size of the catalogue."""
        return len(self.items)


def matrix_of(histories: Histories, n_items: int, decay: float = 0.0) -> sparse.csr_matrix:
    """Users × item_index; an item n steps before the newest weighs e^(−decay·n)."""
    lengths = np.diff(histories.starts)
    ages = np.repeat(histories.starts[1:], lengths) - np.arange(len(histories.items)) - 1
    weights = np.exp(-decay * ages).astype(np.float32)
    shape = (len(lengths), n_items + 1)
    return sparse.csr_matrix((weights, histories.items, histories.starts), shape=shape)


def fit_popularity(data: Data, setting: dict[str, Any]) -> Scores:
    """The same order for everybody."""
    counts = np.bincount(data.histories.items, minlength=data.n_items + 1).astype(np.float32)
    return lambda histories, users: np.tile(counts, (len(users), 1))


def fit_item_knn(data: Data, setting: dict[str, Any]) -> Scores:
    """BM25 item-kNN; `decay` weighs a user's items by recency."""
    model = BM25Recommender(K=setting["K"], K1=1.2, B=setting["B"], num_threads=1)
    model.fit(matrix_of(data.histories, data.n_items), show_progress=False)

    def scores(histories: Histories, users: np.ndarray) -> np.ndarray:
        weights = matrix_of(histories, data.n_items, setting.get("decay", 0.0))[users]
        return (weights @ model.similarity).toarray()

    return scores


def fit_als(data: Data, setting: dict[str, Any]) -> Scores:
    """Alternating least squares (Hu, Koren and Volinsky 2008)."""
    model = AlternatingLeastSquares(**setting, random_state=SEED, num_threads=1)
    model.fit(matrix_of(data.histories, data.n_items), show_progress=False)

    def scores(histories: Histories, users: np.ndarray) -> np.ndarray:
        taken = matrix_of(histories, data.n_items)[users]
        return model.recalculate_user(np.arange(len(users)), taken) @ model.item_factors.T

    return scores


def fit_ease(data: Data, setting: dict[str, Any]) -> Scores:
    """EASE^R (Steck 2019): the closed form with one inverse of items × items."""
    taken = matrix_of(data.histories, data.n_items)
    gram = (taken.T @ taken).toarray()
    gram[np.diag_indices_from(gram)] += setting["regularization"]
    inverse = torch.linalg.inv(torch.from_numpy(gram)).numpy()
    weights = inverse / -np.diag(inverse)
    weights[np.diag_indices_from(weights)] = 0
    return lambda histories, users: matrix_of(histories, data.n_items)[users] @ weights


def fit_nfm(data: Data, setting: dict[str, Any]) -> Scores:
    """The default recipe, which `search_recipe.py` chose on valid, for all its half epochs."""
    recipe = replace(recipe_of("sampled", []), **setting)
    random = generator(SEED, "refit")
    run = TrainingRun(data.histories, data.n_items, recipe, random, device="cpu", processes=ALONE)
    for _ in range(recipe.max_half_epochs):
        run.half_epoch(None)
    model = run.trained().model
    folded = fold(model)

    @torch.no_grad()
    def scores(histories: Histories, users: np.ndarray) -> np.ndarray:
        newest = torch.from_numpy(histories.newest(users, recipe.history_length))
        return score_catalogue(folded, *model.history_state(newest)).numpy()

    return scores


def fit_sasrec(data: Data, setting: dict[str, Any]) -> Scores:
    """SASRec (Kang and McAuley 2018), as studies have it."""
    fitted = sasrec.fit(Interactions(data.histories, data.items), {**SASREC, **setting}, SEED)
    return lambda histories, users: fitted.scores(users)


SASREC = {"dimension": 64, "layers": 2, "dropout": 0.3, "learning_rate": 0.003, "max_epochs": 8}
RECENCY = [{"K": k, "B": 0.5, "decay": d} for d in (0.4, 0.2, 0.8) for k in (200, 50, 1000)]
METHODS: dict[str, tuple[Callable[[Data, dict[str, Any]], Scores], list[dict[str, Any]]]] = {
    "NFM": (fit_nfm, [{}]),
    "popularity": (fit_popularity, [{}]),
    "item-kNN": (
        fit_item_knn,
        [{"K": k, "B": b} for k in (200, 50, 1000) for b in (0.5, 0.2, 0.8)],
    ),
    "item-kNN, recency": (fit_item_knn, RECENCY),
    "ALS": (
        fit_als,
        [
            {"factors": f, "regularization": r, "alpha": a, "iterations": 10}
            for f in (128, 256)
            for r, a in ((1.0, 5.0), (0.1, 1.0), (10.0, 20.0), (1.0, 20.0), (0.1, 5.0))
        ],
    ),
    "EASE^R": (fit_ease, [{"regularization": r} for r in (100.0, 30.0, 300.0)]),
    "SASRec": (
        fit_sasrec,
        [{}, {"max_epochs": 14}, {"dropout": 0.5}, {"learning_rate": 0.001}, {"dimension": 128}],
    ),
}


def ranks_of(scores: Scores, data: Data, users: np.ndarray) -> np.ndarray:
    """Rank of each user's target among all unseen items, from 1, [len(users)]."""
    parts = []
    for first in range(0, len(users), BLOCK):
        block = users[first : first + BLOCK]
        values = np.asarray(scores(data.histories, block))
        values[data.histories.seen(block)] = -np.inf
        values[:, 0] = -np.inf
        target = data.targets[block, None]
        # Of equal scores, the held-out item's comes last.
        parts.append((values >= np.take_along_axis(values, target, axis=1)).sum(axis=1))
    return np.concatenate(parts)


def load(folder: Path) -> tuple[Data, Data]:
    """Train with valid's items as targets, and train and valid with test's."""
    splits = Splits(folder)
    index = np.zeros(int(splits.items["item_id"].to_numpy().max()) + 1, np.int64)
    index[splits.items["item_id"].to_numpy()] = splits.items["item_index"].to_numpy()

    def data(past: list[Any], held_out: Any) -> Data:
        histories = gather_histories(past, splits.items)
        places = tables.find_ids(held_out["user_id"].to_numpy(), histories.users)
        targets = index[held_out["item_id"].to_numpy()[places]]
        return Data(histories, targets, splits.items)

    return data([splits.train], splits.valid), data([splits.train, splits.valid], splits.test)


def tune(method: str, data: Data, budget: float) -> tuple[dict[str, Any], int, float]:
    """The best setting on valid, how many were tried, and its NDCG@10."""
    fit, settings = METHODS[method]
    n_users = len(data.targets)
    users = np.sort(
        np.random.default_rng(0).choice(n_users, min(TUNING_USERS, n_users), replace=False)
    )
    began, tried = time.process_time(), []
    for setting in settings:
        if tried and time.process_time() - began > budget:
            break
        ranks = ranks_of(fit(data, setting), data, users)
        tried.append((float(ndcg(ranks, 10).mean()), setting))
        print(f"{method} {setting}: valid NDCG@10 {tried[-1][0]:.4f}", file=sys.stderr, flush=True)
    score, setting = max(tried, key=lambda pair: pair[0])
    return setting, len(tried), score


def measure(method: str, folder: Path, budget: float) -> dict[str, Any]:
    """One row of the table."""
    torch.set_num_threads(1)
    valid, test = load(folder)
    setting, tried, score = tune(method, valid, budget)
    began = time.process_time()
    scores = METHODS[method][0](test, setting)
    fitted = time.process_time()
    ranks = ranks_of(scores, test, np.arange(len(test.targets)))
    ranked = time.process_time()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    return {
        "method": method,
        "settings": setting,
        "tried": tried,
        "valid NDCG@10": score,
        "HR@10": float(hit_rate(ranks, 10).mean()),
        "NDCG@10": float(ndcg(ranks, 10).mean()),
        "fit_cpu_s": round(fitted - began, 1),
        "rank_cpu_s": round(ranked - fitted, 1),
        "peak_gb": round(memory, 2),
    }


def main() -> None:
    """Measure the methods that the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path)
    parser.add_argument("--only", nargs="*", choices=METHODS, default=list(METHODS))
    parser.add_argument("--budget", type=float, default=300.0, help="processor seconds of tuning")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    rows = []
    print("| recommender | HR@10 | NDCG@10 | fit s | rank s | GB | settings | tried |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for method in chosen.only:
        with multiprocessing.get_context("spawn").Pool(1) as process:
            rows.append(process.apply(measure, (method, chosen.results, chosen.budget)))
        row = rows[-1]
        print(
            f"| {method} | {row['HR@10']:.4f} | {row['NDCG@10']:.4f} | {row['fit_cpu_s']} "
            f"| {row['rank_cpu_s']} | {row['peak_gb']} | {row['settings']} | {row['tried']} |",
            flush=True,
        )
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
