"""How long scoring takes, and that the bootstrap over cells beats the one over users.

    python benchmarks/scoring.py [--results results/sample] [--json PATH]

Where the folder of --results holds a finished study, the jobs that follow lists, embeddings and
answers are added up as they were timed there. Other work on the same processors counts in all
seconds but those that are called processor seconds.
"""

import argparse
import csv
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

os.environ.update(
    dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
)  # as Snakemake starts the rule
import numpy as np
import pyarrow as pa

sys.path.append(str(Path(__file__).parent.parent / "workflow" / "scripts"))

from microrank import tables
from microrank.evaluation.paired import joint_histogram, resampled_means
from microrank.evaluation.score import score_rankings
from microrank.evaluation.settings import Scoring

K = 20
LIMIT_S, LIMIT_MB = 60, 2000
BEYOND_ANSWERS = (
    "rerank_",
    "sample_tuning_users",
    "fuse_rankings",
    "score_rankings",
    "diagnose_rankings",
    "draw_figures",
    "write_report",
)


def main() -> None:
    """Score made-up rankings, compare two bootstraps on one method, add up a study's jobs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--methods", type=int, default=20)
    parser.add_argument("--results", type=Path, default=Path("results/sample"))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows = [
        _scoring(arguments.users, arguments.methods),
        _bootstrap(arguments.users),
        *_jobs(arguments.results),
    ]
    for row in rows:
        print(f"{row['what']}: {row['ratio']:.1f} times (must be {row['must']:g}); {row['note']}")
    if arguments.json:
        arguments.json.write_text(json.dumps(rows) + "\n")


def _scoring(users: int, methods: int) -> dict[str, Any]:
    random = np.random.default_rng(1)
    subset, lists = _subset(users, random)
    rankings = {
        f"method {i}": _ranking(subset, random.permuted(lists, axis=1)) for i in range(methods)
    }
    start, cpu_start = time.perf_counter(), time.process_time()
    score_rankings(rankings, subset, Scoring(), dataset="made up", seed=1)
    seconds, cpu_s, peak_mb = (
        time.perf_counter() - start,
        time.process_time() - cpu_start,
        _peak_mb(),
    )
    took = (
        f"{seconds:.1f} s of {LIMIT_S} ({cpu_s:.1f} processor seconds), "
        f"{peak_mb:,.0f} MB of {LIMIT_MB:,}"
    )
    note = f"{took}: {_kept(seconds <= LIMIT_S and peak_mb <= LIMIT_MB)}"
    what = f"a minute ÷ scoring {users:,} users x {methods} methods"
    return {
        "what": what,
        "against": "a limit",
        "ratio": LIMIT_S / seconds,
        "must": 1,
        "memory_mb": peak_mb,
        "note": note,
    }


def _bootstrap(users: int) -> dict[str, Any]:
    ranks, baseline = np.random.default_rng(2).integers(1, K + 1, (2, users))
    fast = _seconds(lambda: _by_cells(ranks, baseline, 200))
    slow = _seconds(lambda: _by_users(ranks, baseline, 200))
    note = f"by users {slow:.2f} s, by cells {fast:.3f} s: {_kept(slow > fast)}"
    return {
        "what": "200 bootstrap resamples of users ÷ the same of cells",
        "against": "naive form",
        "ratio": slow / fast,
        "must": 1,
        "note": note,
    }


def _jobs(results: Path) -> list[dict[str, Any]]:
    """Add up the jobs from lists, embeddings and answers to the report.

    Gives nothing where there is no study.
    """
    files = [
        *(results / "benchmarks").rglob("*.tsv"),
        results.parent / "benchmarks" / "write_report.tsv",
    ]
    counted = [path for path in files if path.name.startswith(BEYOND_ANSWERS) and path.is_file()]
    methods = [
        path
        for path in counted
        if path.name.startswith(("rerank_", "fuse_rankings")) and path.parent.name == "benchmarks"
    ]
    if not methods:
        return []
    told = []
    for path in counted:
        with path.open(newline="") as file:
            told.append(next(csv.DictReader(file, delimiter="\t")))
    seconds, cpu_s = (sum(float(one[column]) for one in told) for column in ("s", "cpu_time"))
    took = f"{seconds:.0f} s of {LIMIT_S} ({cpu_s:.0f} processor seconds)"
    note = f"{len(methods)} methods, {len(counted)} jobs, {took}: {_kept(seconds <= LIMIT_S)}"
    return [
        {
            "what": f"a minute ÷ all jobs of {results} beyond embeddings and answers",
            "against": "a limit",
            "ratio": LIMIT_S / seconds,
            "must": 1,
            "note": note,
        }
    ]


def _kept(kept: bool) -> str:
    return "kept" if kept else "NOT kept"


def _subset(n: int, random: np.random.Generator) -> tuple[pa.Table, np.ndarray]:
    lists = np.arange(n)[:, None] * 100 + np.arange(K)
    truth = lists[np.arange(n), random.integers(0, K, n)]
    columns = {
        "user_id": np.arange(n),
        "ground_truth": truth,
        "ground_truth_rank": np.ones(n),
        "history": [[]] * n,
    }
    return pa.table({**columns, "candidates": list(lists)}).cast(tables.SUBSET), lists


def _ranking(subset: pa.Table, lists: np.ndarray) -> pa.Table:
    n = len(lists)
    columns = {
        "user_id": np.repeat(subset["user_id"].to_numpy(), K),
        "rank": np.tile(np.arange(1, K + 1), n),
        "item_id": lists.ravel(),
    }
    return pa.table(
        {**columns, "source": pa.repeat(pa.scalar("model"), n * K), "score": pa.nulls(n * K)}
    ).cast(tables.RANKINGS)


def _by_cells(ranks: np.ndarray, baseline: np.ndarray, samples: int) -> np.ndarray:
    joint = joint_histogram(ranks, baseline, K)
    cells = np.indices(joint.shape).reshape(2, -1)
    difference = (cells[0] <= 10).astype(float) - (cells[1] <= 10)
    return resampled_means(difference[:, None], joint.ravel(), samples, np.random.default_rng(1))


def _by_users(ranks: np.ndarray, baseline: np.ndarray, samples: int) -> np.ndarray:
    difference = (ranks <= 10).astype(float) - (baseline <= 10)
    random = np.random.default_rng(1)
    return np.array(
        [difference[random.integers(0, len(ranks), len(ranks))].mean() for _ in range(samples)]
    )


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
