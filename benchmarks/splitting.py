"""Raw tsv to splits: how many times faster than the plain loop over rows, and how much memory, as data grow.

    python benchmarks/splitting.py [--scales 1 10 100] [--json PATH]

Both read the same file, check the same things and write the same tables to four parquet files. Each run is a process of its own, on one
thread; its time is taken inside, after a small file has warmed up the libraries, and its memory is the process's largest resident set. Runs
take turns, and the ratio is that of the fastest of each. The loop runs at scale 1 only: it holds Python lists.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

sys.path.append(str(Path(__file__).parent.parent / "workflow" / "scripts"))

import microlens_like
from microrank import tables
from microrank.data.numbers import MAX_ID
from microrank.data.pairs import iter_histories
from microrank.data.split_writer import split_writer
from microrank.data.splits import SPLIT_NAMES, split_interactions
from microrank.data.titles import TITLES

REPEATS = 5
NO_TITLES = TITLES.empty_table()


def by_blocks(pairs: Path, folder: Path) -> int:
    """The way of `split_interactions.py`; gives the number of interactions."""
    with split_writer({name: str(folder / f"{name}.parquet") for name in SPLIT_NAMES}) as write:
        summary = split_interactions(iter_histories([pairs]), NO_TITLES, write)
    tables.write_table(summary.items, folder / "items.parquet", tables.ITEMS)
    return int(summary.counts["interactions"])


def by_loop(pairs: Path, folder: Path) -> int:
    """The plain way, one row after the other, with the same checks."""
    rows: dict[str, tuple[list[int], list[int], list[int]]] = {name: ([], [], []) for name in SPLIT_NAMES}
    train_count: Counter[int] = Counter()
    seen = set()
    with open(pairs, encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            user_text, _, text = line.rstrip("\n").partition("\t")
            user, items = identifier(user_text, number), text.split(" ")
            if user in seen or len(items) < 3 or len(set(items)) < len(items):
                raise ValueError(f"line {number}")
            seen.add(user)
            for position, item_text in enumerate(items):
                item = identifier(item_text, number)
                name = "train" if position < len(items) - 2 else "valid" if position == len(items) - 2 else "test"
                users, kept, positions = rows[name]
                users.append(user)
                kept.append(item)
                positions.append(position)
                train_count[item] += name == "train"
    for name, columns in rows.items():
        pq.write_table(pa.table(list(columns), schema=tables.SPLIT), folder / f"{name}.parquet", compression="zstd")
    ids = sorted(train_count)
    catalogue = [ids, list(range(1, len(ids) + 1)), [""] * len(ids), [train_count[item] for item in ids]]
    pq.write_table(pa.table(catalogue, schema=tables.ITEMS), folder / "items.parquet", compression="zstd")
    return sum(len(columns[0]) for columns in rows.values())


def identifier(text: str, line: int) -> int:
    """An id, checked."""
    if not text.isdigit() or (number := int(text)) > MAX_ID:
        raise ValueError(f"line {line}: {text}")
    return number


def measure(way: str, pairs: Path) -> dict[str, float]:
    """Run one way in a process of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "ARROW_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "--way", way, "--pairs", str(pairs)]
    return json.loads(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


def run_here(way: str, pairs: Path) -> None:
    """What the process does: time and memory as JSON."""
    split = {"blocks": by_blocks, "loop": by_loop}[way]
    with tempfile.TemporaryDirectory() as folder:
        small = Path(folder, "small.tsv")
        small.write_text("".join(f"{user}\t1 2 3 {user + 4}\r\n" for user in range(1000)), newline="")
        split(small, Path(folder))
        idle_gb = peak_gb()
        begun = time.perf_counter()
        rows = split(pairs, Path(folder))
        seconds = time.perf_counter() - begun
    print(json.dumps({"rows": rows, "seconds": seconds, "peak_gb": peak_gb(), "idle_gb": idle_gb}))


def peak_gb() -> float:
    """Largest resident set of this process so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--scales", type=int, nargs="+", default=[1, 10], help="times 100,000 users; 100 takes a few minutes and 0.6 GB of disk"
    )
    parser.add_argument("--folder", type=Path, help="where the data are made, or were made before")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--way", help=argparse.SUPPRESS)
    parser.add_argument("--pairs", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.way:
        run_here(chosen.way, chosen.pairs)
        return
    found = []
    with tempfile.TemporaryDirectory() as temporary:
        for scale in chosen.scales:
            folder = (chosen.folder or Path(temporary)) / f"x{scale}"
            pairs = folder / "pairs.tsv"
            if not pairs.exists():
                microlens_like.make(folder, microlens_like.USERS * scale)
            ways = ("blocks", "loop") if scale == 1 else ("blocks",)
            runs = [{way: measure(way, pairs) for way in ways} for _ in range(REPEATS if scale < 100 else 1)]
            best = {way: min((run[way] for run in runs), key=lambda one: one["seconds"]) for way in ways}
            blocks = best["blocks"]
            millions = blocks["rows"] / 1e6
            row = {"scale": scale, **blocks, "gb_per_million": blocks["peak_gb"] / millions}
            if "loop" in best:
                row |= {"ratio_to_loop": best["loop"]["seconds"] / blocks["seconds"], "loop": best["loop"]}
            found.append(row)
            memory = f"peak {blocks['peak_gb']:.3f} GB ({blocks['idle_gb']:.3f} before)"
            ratio = f"{row['ratio_to_loop']:.1f} x the loop, " if "loop" in best else ""
            print(f"{millions:6.2f} M rows: {blocks['seconds']:.3f} s, {ratio}{memory}", flush=True)
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
