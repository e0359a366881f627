"""Raw tsv to splits: speed against the plain loop over rows, and memory as data grow.

    python benchmarks/splitting.py [--scales 1 10 100] [--json PATH]

Both read the same file, check the same things and write the same tables to four parquet files, on
one thread. For the ratio they take turns in this process, at scale 1, and the fastest of each
counts, in processor seconds; for the memory each scale has a process of its own, whose largest
resident set is told, and what it was before the file was touched.
"""

import argparse
import json
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
from microrank.data.digit_scanner import MAX_ID
from microrank.data.pairs import iter_histories
from microrank.data.split_writer import split_writer
from microrank.data.splits import SPLIT_NAMES, figures, make_catalogue, split_interactions
from microrank.data.titles import TITLES

REPEATS = 7
NO_TITLES = TITLES.empty_table()


def by_blocks(pairs: Path, folder: Path) -> int:
    """The way of `split_interactions.py`; gives the number of interactions."""
    with split_writer({name: str(folder / f"{name}.parquet") for name in SPLIT_NAMES}) as write:
        counts = split_interactions(iter_histories([pairs]), write)
    catalogue = make_catalogue(counts, NO_TITLES)
    tables.write_table(catalogue, folder / "items.parquet", tables.ITEMS)
    return int(figures(counts, NO_TITLES)["interactions"])


def by_loop(pairs: Path, folder: Path) -> int:
    """The plain way, one row after the other, with the same checks."""
    rows: dict[str, tuple[list[int], list[int], list[int]]] = {
        name: ([], [], []) for name in SPLIT_NAMES
    }
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
                name = (
                    "train"
                    if position < len(items) - 2
                    else "valid"
                    if position == len(items) - 2
                    else "test"
                )
                users, kept, positions = rows[name]
                users.append(user)
                kept.append(item)
                positions.append(position)
                train_count[item] += name == "train"
    for name, columns in rows.items():
        pq.write_table(
            pa.table(list(columns), schema=tables.SPLIT),
            folder / f"{name}.parquet",
            compression="zstd",
        )
    ids = sorted(train_count)
    catalogue = [
        ids,
        list(range(1, len(ids) + 1)),
        [""] * len(ids),
        [train_count[item] for item in ids],
    ]
    pq.write_table(
        pa.table(catalogue, schema=tables.ITEMS), folder / "items.parquet", compression="zstd"
    )
    return sum(len(columns[0]) for columns in rows.values())


def identifier(text: str, line: int) -> int:
    """An id, checked."""
    if not text.isdigit() or (number := int(text)) > MAX_ID:
        raise ValueError(f"line {line}: {text}")
    return number


def take_turns(pairs: Path) -> dict[str, float]:
    """Way -> its fastest run, in processor seconds."""
    ways = {"blocks": by_blocks, "loop": by_loop}
    fastest = dict.fromkeys(ways, float("inf"))
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(REPEATS):
            for name, split in ways.items():
                begun = time.process_time()
                split(pairs, Path(folder))
                fastest[name] = min(fastest[name], time.process_time() - begun)
    return fastest


def memory(pairs: Path) -> dict[str, float]:
    """Rows, seconds and memory of a process that splits `pairs`."""
    command = [sys.executable, __file__, "--pairs", str(pairs)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def split_here(pairs: Path) -> None:
    """What that process does: figures as JSON."""
    before_gb = peak_gb()
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        rows = by_blocks(pairs, Path(folder))
        seconds = time.perf_counter() - begun
    peak = peak_gb()
    print(
        json.dumps(
            {
                "rows": rows,
                "seconds": seconds,
                "peak_gb": peak,
                "before_gb": before_gb,
                "gb_per_million": peak / rows * 1e6,
            }
        )
    )


def peak_gb() -> float:
    """Largest resident set of this program so far, in GB.

    ru_maxrss would count that of the process it was forked from.
    """
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--scales",
        type=int,
        nargs="+",
        default=[1, 10],
        help="times 100,000 users; 100 takes two minutes and 0.5 GB",
    )
    parser.add_argument("--folder", type=Path, help="where the data are made, or were made before")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--pairs", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    pa.set_cpu_count(1)
    if chosen.pairs:
        split_here(chosen.pairs)
        return
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        for scale in chosen.scales:
            pairs = (chosen.folder or Path(temporary)) / f"x{scale}" / "pairs.tsv"
            if not pairs.exists():
                microlens_like.make(pairs.parent, microlens_like.USERS * scale)
            used = memory(pairs)
            row = {
                "what": f"raw tsv to splits, {used['rows'] / 1e6:.2f} million rows",
                "memory_mb": used["peak_gb"] * 1e3,
            }
            note = (
                f"{used['seconds']:.2f} s; {used['before_gb'] * 1e3:.0f} MB of it before the file"
            )
            if scale == 1:
                fastest = take_turns(pairs)
                row |= {
                    "against": "naive form",
                    "ratio": fastest["loop"] / fastest["blocks"],
                    "must": 12.0,
                }
                blocks_ms, loop_ms = fastest["blocks"] * 1e3, fastest["loop"] * 1e3
                note = f"{blocks_ms:.0f} ms against {loop_ms:.0f} ms of the loop over rows; {note}"
            else:
                note += f"; {used['gb_per_million']:.3f} GB a million rows"
            rows.append(row | {"note": note})
            print(json.dumps(rows[-1]), flush=True)
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
