"""How long scoring takes, and that the bootstrap over cells beats the one over users: `python benchmarks/scoring.py [--json PATH]`."""

import argparse
import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

sys.path.append(str(Path(__file__).parent.parent / "workflow" / "scripts"))

from microrank import tables
from microrank.evaluation.paired import joint_histogram, resampled_means
from microrank.evaluation.score import score_rankings
from microrank.evaluation.settings import Scoring

K = 20


def main() -> None:
    """Score made-up rankings, then compare the two bootstraps on one method."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--methods", type=int, default=20)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    random = np.random.default_rng(1)
    subset, lists = _subset(arguments.users, random)
    rankings = {f"method {i}": _ranking(subset, random.permuted(lists, axis=1)) for i in range(arguments.methods)}
    base_mb = _peak_mb()
    start = time.perf_counter()
    score_rankings(rankings, subset, Scoring(), dataset="made up", seed=1)
    seconds = time.perf_counter() - start
    print(f"{arguments.users:,} users x {arguments.methods} methods: {seconds:.1f} s, peak {_peak_mb():,.0f} MB ({base_mb:,.0f} MB before)")

    ranks, baseline = random.integers(1, K + 1, (2, arguments.users))
    fast = _seconds(lambda: _by_cells(ranks, baseline, 200))
    slow = _seconds(lambda: _by_users(ranks, baseline, 200))
    print(f"200 bootstrap resamples: by users {slow:.2f} s, by cells {fast:.3f} s: {slow / fast:.0f} times faster")
    if arguments.json:
        told = {"seconds": seconds, "peak_mb": _peak_mb(), "bootstrap_ratio": slow / fast, "users": arguments.users}
        arguments.json.write_text(json.dumps(told) + "\n")


def _subset(n: int, random: np.random.Generator) -> tuple[pa.Table, np.ndarray]:
    lists = np.arange(n)[:, None] * 100 + np.arange(K)
    truth = lists[np.arange(n), random.integers(0, K, n)]
    columns = {"user_id": np.arange(n), "ground_truth": truth, "ground_truth_rank": np.ones(n), "history": [[]] * n}
    return pa.table({**columns, "candidates": list(lists)}).cast(tables.SUBSET), lists


def _ranking(subset: pa.Table, lists: np.ndarray) -> pa.Table:
    n = len(lists)
    columns = {"user_id": np.repeat(subset["user_id"].to_numpy(), K), "rank": np.tile(np.arange(1, K + 1), n), "item_id": lists.ravel()}
    return pa.table({**columns, "source": pa.repeat(pa.scalar("model"), n * K), "score": pa.nulls(n * K)}).cast(tables.RANKINGS)


def _by_cells(ranks: np.ndarray, baseline: np.ndarray, samples: int) -> np.ndarray:
    joint = joint_histogram(ranks, baseline, K)
    cells = np.indices(joint.shape).reshape(2, -1)
    difference = (cells[0] <= 10).astype(float) - (cells[1] <= 10)
    return resampled_means(difference[:, None], joint.ravel(), samples, np.random.default_rng(1))


def _by_users(ranks: np.ndarray, baseline: np.ndarray, samples: int) -> np.ndarray:
    difference = (ranks <= 10).astype(float) - (baseline <= 10)
    random = np.random.default_rng(1)
    return np.array([difference[random.integers(0, len(ranks), len(ranks))].mean() for _ in range(samples)])


def _seconds(work) -> float:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
