"""Ranking the whole catalogue against the peer's form, MicroLens's (peer.py).

Both run on one thread.

    python benchmarks/ranking.py [--dimensions 64 256] [--json PATH]
    python benchmarks/ranking.py --trained MODEL results/microlens-50k

Both score 19,738 items for a user, mask what was seen, and take the top 20. The peer's form pools
the history once, and then forms [n_items, d] for each user. It ranks 20 users at a time, as
MicroLens's nfm.yaml has it (eval_batch_size); the note says how fast it is with one, whose arrays
fit a large cache. Runs take turns in one process, and the fastest of each counts; memory is what a
process of its own grows by. The model is planted: items lie around topics, as training puts them.
`--trained` takes a checkpoint instead, without recency decay and field matrix, which the peer
lacks, and the first users of that study.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

sys.path.append(str(Path(__file__).parent.parent / "workflow" / "scripts"))

import microrank  # noqa: F401, sets OpenMP up before torch loads
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from microrank import tables
from microrank.nfm.checkpoint import load_model
from microrank.nfm.histories import Histories, gather_histories
from microrank.nfm.model import NFM
from microrank.nfm.rank import recommend_top_k
from peak import peak_flops
from peer import predict

N_ITEMS, HISTORY_LENGTH, TOPICS, K = 19_738, 10, 200, 20
USERS = {64: 512, 256: 64, 1024: 4}
STUDY_USERS = 512
PEER_USERS = 20  # eval_batch_size in MicroLens's nfm.yaml
MUST, AIM = {64: 12, 256: 5.5}, {64: 16, 256: 7}


def planted_model(dimension: int, n_items: int = N_ITEMS) -> tuple[NFM, np.ndarray]:
    """A model whose items lie around topics, and each item's topic, [n_items + 1]."""
    draw = torch.Generator().manual_seed(0)
    model = NFM(n_items, dimension, dimension)
    topic = torch.randint(TOPICS, (n_items + 1,), generator=draw)
    with torch.no_grad():
        centres = torch.randn(TOPICS, dimension, generator=draw)
        model.items.weight.copy_(
            (centres[topic] + 0.5 * torch.randn(n_items + 1, dimension, generator=draw))
            / dimension**0.5
        )
        common = 0.3 * torch.randn(dimension, 1, generator=draw).abs()
        model.hidden.weight.copy_(
            (torch.randn(dimension, dimension, generator=draw) + common) / dimension**0.5
        )
        model.output.weight.copy_(torch.randn(1, dimension, generator=draw).abs() / dimension**0.5)
        model.norm.running_var.fill_(0.05)
    return model.eval(), topic.numpy()


def histories(topic: np.ndarray, n_users: int) -> tuple[pa.Table, pa.Table]:
    """Tables SPLIT and ITEMS: every user has 12 items of three topics."""
    random = np.random.default_rng(1)
    by_topic = [np.flatnonzero(topic[1:] == one) + 1 for one in range(TOPICS)]
    taken = np.stack(
        [
            np.concatenate(
                [random.choice(by_topic[t], 4, replace=False) for t in random.choice(TOPICS, 3)]
            )
            for _ in range(n_users)
        ]
    )
    past = {
        "user_id": np.repeat(np.arange(n_users), 12),
        "item_id": taken.ravel(),
        "position": np.tile(np.arange(12), n_users),
    }
    ids = np.arange(1, N_ITEMS + 1)
    items = {"item_id": ids, "item_index": ids, "title": np.full(N_ITEMS, ""), "train_count": ids}
    return pa.table(past).cast(tables.SPLIT), pa.table(items).cast(tables.ITEMS)


def users_of_study(results: Path) -> tuple[pa.Table, pa.Table]:
    """What the first users of a study took, and its items: tables SPLIT and ITEMS."""
    train = tables.read_table(results / "splits/train.parquet", tables.SPLIT)
    last = train["user_id"].unique().sort()[STUDY_USERS - 1]
    items = tables.read_table(results / "splits/items.parquet", tables.ITEMS)
    return train.filter(pc.less_equal(train["user_id"], last)), items


def peer_top(model: NFM, together: Histories, users: np.ndarray) -> np.ndarray:
    """Top items of a batch of users, [n_users, K], by the peer's form."""
    scores = predict(model, torch.from_numpy(together.newest(users, HISTORY_LENGTH)))
    scores[:, 0] = -torch.inf
    scores[together.seen(users)] = -torch.inf
    return scores.topk(K).indices.numpy()


def seconds(action: Callable[[], Any]) -> float:
    """CPU time of one call, which other jobs on the machine disturb less than they do the clock."""
    began = time.process_time()
    action()
    return time.process_time() - began


def measure(model: NFM, past: pa.Table, items: pa.Table, repeats: int) -> dict[str, float]:
    """Fastest times a user, the peak's rate, and whether the lists agree."""
    lists: dict[str, np.ndarray] = {}
    together = gather_histories([past], items)
    first = np.arange(PEER_USERS)

    def ours() -> None:
        found = recommend_top_k(model, [past], items, K, history_length=HISTORY_LENGTH)
        lists["ours"] = found["item_id"].to_numpy().reshape(-1, K)

    def peer() -> None:
        lists["peer"] = peer_top(model, together, first)

    def peer_one_by_one() -> None:
        for user in first[:5]:
            peer_top(model, together, np.array([user]))

    runs: list[dict[str, float]] = []
    for _ in range(repeats):
        found = {"peak": 1 / peak_flops(), "peer": seconds(peer) / PEER_USERS}
        found["one_by_one"] = seconds(peer_one_by_one) / 5
        found["ours"] = seconds(ours) / len(together.users)
        runs.append(found)
    best = {name: min(run[name] for run in runs) for name in runs[0]}
    ids = np.append(0, items["item_id"].to_numpy())
    best["same"] = float((lists["ours"][:PEER_USERS] == ids[lists["peer"]]).mean())
    return best


def memory_mb(way: str, dimension: int) -> float:
    """Growth of the largest resident set while one way runs, in a process of its own."""
    command = [sys.executable, __file__, "--dimensions", str(dimension), "--memory-of", way]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def grow(way: str, dimension: int) -> float:
    """What that process does; Linux counts its largest resident set anew on demand."""
    model, topic = planted_model(dimension)
    past, items = histories(topic, USERS[dimension])
    together = gather_histories([past], items)
    Path("/proc/self/clear_refs").write_text("5")
    before = resident_kb("VmRSS")
    if way == "ours":
        recommend_top_k(model, [past], items, K, history_length=HISTORY_LENGTH)
    else:
        peer_top(model, together, np.arange(PEER_USERS))
    return (resident_kb("VmHWM") - before) / 1024


def resident_kb(name: str) -> int:
    """VmRSS (now) or VmHWM (largest) of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dimensions", type=int, nargs="+", default=[64, 256], choices=list(USERS))
    parser.add_argument("--repeats", type=int, default=12)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--trained", nargs=2, type=Path, metavar=("MODEL", "RESULTS"))
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.memory_of:
        print(grow(options.memory_of, options.dimensions[0]))
        return
    if options.trained:
        model, _ = load_model(options.trained[0])
        found = measure(model, *users_of_study(options.trained[1]), options.repeats)
        print(row(model.items.weight.shape[1], found, {})["note"])
        return
    rows = []
    for dimension in options.dimensions:
        model, topic = planted_model(dimension)
        found = measure(model, *histories(topic, USERS[dimension]), options.repeats)
        memory = {way: memory_mb(way, dimension) for way in ("peer", "ours")}
        rows.append(row(dimension, found, memory))
        print(f"{rows[-1]['what']}: {rows[-1]['ratio']}×; {rows[-1]['note']}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")


def row(dimension: int, found: dict[str, float], memory: dict[str, float]) -> dict[str, Any]:
    """A dimension's figures as a row of the table."""
    share = 2 * N_ITEMS * dimension**2 * found["peak"] / found["ours"]
    grown = f", {memory['peer']:.0f} → {memory['ours']:.0f} MB" if memory else ""
    return {
        "what": f"ranking 19,738 items, top 20, d = {dimension}",
        "against": "peer's form",
        "ratio": round(found["peer"] / found["ours"], 1),
        "must": MUST.get(dimension),
        "aim": AIM.get(dimension),
        "memory_mb": round(memory["ours"]) if memory else None,
        "note": f"{found['peer'] * 1e3:.1f} → {found['ours'] * 1e3:.2f} ms a user{grown}; "
        f"the peer's form with one user at a time "
        f"{found['one_by_one'] * 1e3:.1f} ms; {share:.1f} times the rate at which large products "
        f"could score all items; {found['same']:.0%} of places as in the peer's",
    }


if __name__ == "__main__":
    main()
