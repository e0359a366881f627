"""What else a reader could have picked: popularity, item-kNN, ALS and BPR over all users, each tuned on valid with the same budget.

    python experiments/recommenders.py results/microlens-50k --settings 12 --json recommenders.json

Needs the splits that the workflow made, and `implicit` (benchmarks/requirements.txt). Like NFM, a tuned method knows the items from train
alone ("train"); a second row shows it fitted to train and valid, as one would for use. BPR cannot take in a history that it was not fitted
to, so it has the second row only. Test is read once, after tuning.
"""

import argparse
import itertools
import json
import logging
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from scipy import sparse

sys.path.append(str(Path(__file__).parent.parent / "workflow" / "scripts"))

from implicit.als import AlternatingLeastSquares
from implicit.bpr import BayesianPersonalizedRanking
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender
from microrank.evaluation.hit_rate import hit_rate
from microrank.evaluation.ndcg import ndcg

K = 20
NEIGHBOURS = {"cosine": CosineRecommender, "tfidf": TFIDFRecommender, "bm25": BM25Recommender}
GRIDS: dict[str, dict[str, list[Any]]] = {
    "item-kNN": {"weights": list(NEIGHBOURS), "K": [20, 50, 100, 200, 500, 1000]},
    "ALS": {
        "factors": [64, 128, 256],
        "regularization": [0.01, 0.1, 1.0, 10.0],
        "alpha": [1.0, 5.0, 20.0],
        "iterations": [5, 15],
    },
    "BPR": {
        "factors": [64, 128, 256],
        "learning_rate": [0.01, 0.03, 0.1],
        "regularization": [0.001, 0.01, 0.1],
        "iterations": [50, 150],
    },
}
warnings.filterwarnings("ignore", message="Method expects CSR input")  # of implicit's own making
log = logging.getLogger("recommenders")


class Popularity:
    """The same order for everybody."""

    def fit(self, taken: sparse.csr_matrix, show_progress: bool = False) -> None:
        self.order = np.argsort(-np.asarray(taken.sum(axis=0)).ravel(), kind="stable")

    def recommend(
        self, users: np.ndarray, taken: sparse.csr_matrix, N: int, **_: Any
    ) -> tuple[np.ndarray, None]:
        """The first N of the order that each user has not taken: [len(users), N]."""
        longest = int(np.diff(taken.indptr).max())
        order = self.order[: N + longest]
        unseen = taken[:, order].toarray() == 0
        return order[np.argsort(~unseen, axis=1, kind="stable")[:, :N]], None


def make(method: str, setting: dict[str, Any], seed: int) -> Any:
    """An unfitted recommender of that method."""
    if method == "popularity":
        return Popularity()
    if method == "item-kNN":
        return NEIGHBOURS[setting["weights"]](K=setting["K"], num_threads=1)
    kind = AlternatingLeastSquares if method == "ALS" else BayesianPersonalizedRanking
    return kind(**setting, random_state=seed, num_threads=1)


def ranks_of(
    model: Any, taken: sparse.csr_matrix, target: np.ndarray, refits_users: bool
) -> np.ndarray:
    """Rank of each user's target among the K best items not in `taken`; 0 where it is not there."""
    found = np.zeros(len(target), np.int64)
    fold_in = {"recalculate_user": True} if refits_users else {}
    for first in range(0, len(target), 1000):
        users = np.arange(first, min(first + 1000, len(target)))
        listed, _ = model.recommend(
            users, taken[users], N=K, filter_already_liked_items=True, **fold_in
        )
        hit = np.asarray(listed) == target[users, None]
        found[users] = np.where(hit.any(axis=1), hit.argmax(axis=1) + 1, 0)
    return found


def measured(ranks: np.ndarray) -> dict[str, float]:
    """HR@5, 10, 20 and NDCG@10, 20."""
    rates = {f"HR@{n}": float(hit_rate(ranks, n).mean()) for n in (5, 10, 20)}
    return rates | {f"NDCG@{n}": float(ndcg(ranks, n).mean()) for n in (10, 20)}


def timed(action: Callable[[], Any]) -> tuple[Any, float]:
    """The result and the CPU-seconds."""
    began = time.process_time()
    return action(), time.process_time() - began


def compare(folder: Path, budget: int, seed: int) -> list[dict[str, Any]]:
    """One row for each method and fit: settings, CPU-seconds of the last fit, metrics on test."""
    splits = {
        name: pq.read_table(folder / f"{name}.parquet") for name in ("train", "valid", "test")
    }
    ids = np.sort(
        pq.read_table(folder / "items.parquet", columns=["item_id"])["item_id"].to_numpy()
    )
    users = np.unique(splits["test"]["user_id"].to_numpy())

    def taken(name: str) -> sparse.csr_matrix:
        user = np.searchsorted(users, splits[name]["user_id"].to_numpy())
        item = np.searchsorted(ids, splits[name]["item_id"].to_numpy())
        return sparse.csr_matrix(
            (np.ones(len(user), np.float32), (user, item)), shape=(len(users), len(ids))
        )

    train, valid, test = (taken(name) for name in ("train", "valid", "test"))
    both = (train + valid).tocsr()
    valid_target, test_target = (np.asarray(one.argmax(axis=1)).ravel() for one in (valid, test))
    rows = []
    for method in ("popularity", *GRIDS):
        grid = GRIDS.get(method, {})
        combinations = [
            dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())
        ]
        drawn = np.random.default_rng(seed).permutation(len(combinations))[:budget]
        best: tuple[float, dict[str, Any]] = (-1.0, {})
        for number in drawn:
            setting = combinations[number]
            model = make(method, setting, seed)
            _, seconds = timed(lambda model=model: model.fit(train, show_progress=False))
            score = measured(ranks_of(model, train, valid_target, False))
            log.info(
                "%s %s: valid NDCG@10 %.4f HR@10 %.4f, fit %.1f CPU-s",
                method,
                setting,
                score["NDCG@10"],
                score["HR@10"],
                seconds,
            )
            best = max(best, (score["NDCG@10"], setting), key=lambda one: one[0])
        for fit, matrix in (("train", train), ("train + valid", both)):
            if method == "BPR" and fit == "train":
                continue
            model = make(method, best[1], seed)
            _, seconds = timed(
                lambda model=model, matrix=matrix: model.fit(matrix, show_progress=False)
            )
            metrics = measured(ranks_of(model, both, test_target, method == "ALS"))
            rows.append(
                {
                    "method": method,
                    "fit": fit,
                    "settings": best[1],
                    "tried": len(drawn),
                    "fit_cpu_s": round(seconds, 1),
                }
                | metrics
            )
            log.info("%s", rows[-1])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "results",
        type=Path,
        help="a dataset's folder of results, with splits/ and nfm/metrics.json",
    )
    parser.add_argument(
        "--settings",
        type=int,
        default=12,
        help="how many settings of each method are tried on valid",
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    rows = compare(options.results / "splits", options.settings, options.seed)
    nfm = options.results / "nfm" / "metrics.json"
    if nfm.exists():
        rows.append({"method": "NFM", "fit": "train"} | json.loads(nfm.read_text())["all_users"])
    names = ["HR@5", "HR@10", "HR@20", "NDCG@10", "NDCG@20"]
    print(
        f"{'method':<12}{'fitted to':<15}" + "".join(f"{name:>9}" for name in names) + "   settings"
    )
    for row in rows:
        print(
            f"{row['method']:<12}{row['fit']:<15}"
            + "".join(f"{row[name]:>9.4f}" for name in names)
            + f"   {row.get('settings', '')}"
        )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
