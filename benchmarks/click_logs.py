"""A click log to splits: speed against the plain loop over rows, and memory as logs grow.

    python benchmarks/click_logs.py [--million-rows 8] [--json PATH]

The logs for the ratios have whole-number ids, or those of a shop (UUIDs of users, ASINs of items),
seconds, rows in the order of time, and some pairs twice. Both ways read it, clean it, and write the
same tables, on one thread; they take turns in this process, and the fastest of each counts, in
processor seconds.

For the memory, each log has a process of its own, whose largest resident set is told: one with
whole-number ids, of so many million rows (72 takes 1.6 GB of disk and some minutes), and two with
text ids that differ in the number of distinct ones alone.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

sys.path.append(str(Path(__file__).parent.parent / "workflow" / "scripts"))

from microrank import tables
from microrank.data.raw_settings import RawSettings
from microrank.data.split_raw_files import split_raw_files
from splitting import peak_gb

REPEATS = 5
ROWS, USERS, ITEMS = 720_000, 100_000, 19_738
PORTION = 1_000_000  # rows
FEW_IDS, MANY_IDS = 100_000, 2_100_000
OUTPUTS = ("train", "valid", "test", "users", "catalogue")


def shop_names(numbers: np.ndarray, form: str) -> pa.Array:
    """Ids of a fixed length: `uuid` or `asin`."""
    mixed = (numbers.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    texts = pa.array([f"{number:016x}" for number in mixed.tolist()])
    if form == "asin":
        return pc.binary_join_element_wise(
            "B0", pc.utf8_upper(pc.utf8_slice_codeunits(texts, 0, 8)), ""
        )
    parts = [
        pc.utf8_slice_codeunits(texts, *ends)
        for ends in ((0, 8), (8, 12), (12, 16), (0, 4), (4, 16))
    ]
    return pc.binary_join_element_wise(*parts, "-")


def write_log(path: Path, rows: int, users: int, items: int, *, texts: bool) -> None:
    """Write rows in the order of time, by users and items drawn at random."""
    random = np.random.default_rng(1)
    names = None
    if texts:
        names = shop_names(np.arange(users), "uuid"), shop_names(np.arange(items), "asin")
    schema = pa.schema(
        [(name, pa.string() if texts else pa.int64()) for name in ("userId", "itemId")]
        + [("ts", pa.int64())]
    )
    options = pyarrow.csv.WriteOptions(quoting_style="none")
    with pyarrow.csv.CSVWriter(path, schema, write_options=options) as writer:
        for first in range(0, rows, PORTION):
            n = min(PORTION, rows - first)
            user, item = (pa.array(random.integers(0, size, n)) for size in (users, items))
            if names:
                user, item = (of.take(ids) for of, ids in zip(names, (user, item), strict=True))
            times = 1_500_000_000 + np.arange(first, first + n)
            writer.write_table(pa.table([user, item, times], schema=schema))


def write_titles(path: Path, items: int, *, texts: bool) -> None:
    """Write a title of every item."""
    ids = shop_names(np.arange(items), "asin").to_pylist() if texts else range(items)
    path.write_text("itemId,title\n" + "".join(f"{item},Title {item}\n" for item in ids))


def by_reader(folder: Path) -> None:
    """The way of `split_interactions.py`."""
    outputs = {name: str(folder / f"{name}.parquet") for name in OUTPUTS}
    split_raw_files([folder / "log.csv"], folder / "titles.csv", RawSettings(), outputs)


def by_loop(folder: Path) -> None:
    """The plain way, one row after the other."""
    number_of: tuple[dict[str, int], dict[str, int]] = ({}, {})
    events: dict[int, list[tuple[int, int, int]]] = {}
    with open(folder / "log.csv", encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        for line, row in enumerate(rows, start=2):
            user, item = row["userId"].strip(), row["itemId"].strip()
            if not user or not item:
                raise ValueError(f"line {line}")
            user_id = number_of[0].setdefault(user, len(number_of[0]) + 1)
            item_id = number_of[1].setdefault(item, len(number_of[1]) + 1)
            events.setdefault(user_id, []).append((int(row["ts"]), line, item_id))
    with open(folder / "titles.csv", encoding="utf-8", newline="") as file:
        titles = {row["itemId"].strip(): row["title"].strip() for row in csv.DictReader(file)}
    columns: dict[str, tuple[list[int], ...]] = {n: ([], [], []) for n in OUTPUTS[:3]}
    train_count = dict.fromkeys(number_of[1].values(), 0)
    kept_users = []
    for user_id in sorted(events):
        items = list(dict.fromkeys(item for _, _, item in sorted(events[user_id])))
        if len(items) < 3:
            continue
        kept_users.append(user_id)
        for position, item_id in enumerate(items):
            name = OUTPUTS[max(0, position - len(items) + 3)]
            for column, value in zip(columns[name], (user_id, item_id, position), strict=True):
                column.append(value)
            train_count[item_id] += name == "train"
    names = [list(of) for of in number_of]
    made = {name: pa.table(list(of), schema=tables.SPLIT) for name, of in columns.items()}
    made["users"] = pa.table(
        [kept_users, [names[0][user - 1] for user in kept_users]], schema=tables.USERS
    )
    of_items = [titles.get(name, "") for name in names[1]], list(train_count.values()), names[1]
    made["catalogue"] = pa.table([list(train_count), *of_items], names=["id", "title", "n", "item"])
    for name, table in made.items():
        pq.write_table(table, folder / f"{name}.parquet")


def is_text(users: pa.Table) -> bool:
    """Whether users have numbers besides their ids."""
    return not users["user_id"].cast(pa.string()).equals(users["user"])


def take_turns(folder: Path) -> dict[str, float]:
    """Way -> its fastest run, in processor seconds; they must make the same splits."""
    ways = {"reader": by_reader, "loop": by_loop}
    fastest = dict.fromkeys(ways, float("inf"))
    made = {}
    for _ in range(REPEATS):
        for name, split in ways.items():
            begun = time.process_time()
            split(folder)
            fastest[name] = min(fastest[name], time.process_time() - begun)
            made[name] = [pq.read_table(folder / f"{split}.parquet") for split in OUTPUTS[:4]]
    if is_text(made["reader"][3]):  # the loop numbers whole numbers, too
        assert all(one.equals(other) for one, other in zip(*made.values(), strict=True))
    return fastest


def memory(folder: Path) -> dict[str, float]:
    """Seconds, and memory in MB, of a process that splits the folder's log."""
    command = [sys.executable, __file__, "--split", str(folder)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def split_here(folder: Path) -> None:
    """What that process does: figures as JSON."""
    begun = time.perf_counter()
    by_reader(folder)
    print(json.dumps({"seconds": time.perf_counter() - begun, "memory_mb": peak_gb() * 1e3}))


def speed_row(folder: Path, *, texts: bool) -> dict[str, object]:
    """The ratio."""
    write_log(folder / "log.csv", ROWS, USERS, ITEMS, texts=texts)
    write_titles(folder / "titles.csv", ITEMS, texts=texts)
    fastest = take_turns(folder)
    used = memory(folder)
    kind = "text" if texts else "whole-number"
    return {
        "what": f"click log with {kind} ids to splits, {ROWS / 1e6:.2f} million rows",
        "against": "naive form",
        "ratio": fastest["loop"] / fastest["reader"],
        "must": 8.0,
        "memory_mb": used["memory_mb"],
        "note": f"{fastest['reader']:.2f} s against {fastest['loop']:.2f} s of the loop over rows",
    }


def numbers_row(folder: Path, million_rows: float) -> dict[str, object]:
    """Memory of a log with whole-number ids."""
    rows = round(million_rows * 1e6)
    write_log(folder / "log.csv", rows, rows // 7, ITEMS, texts=False)
    write_titles(folder / "titles.csv", ITEMS, texts=False)
    used = memory(folder)
    return {
        "what": f"click log with whole-number ids to splits, {million_rows:g} million rows",
        "memory_mb": used["memory_mb"],
        "note": f"{used['seconds']:.0f} s",
    }


def ids_row(folder: Path) -> dict[str, object]:
    """Memory of a distinct text id: of two logs that differ in their number alone."""
    peaks = []
    for users in (FEW_IDS, MANY_IDS):
        write_log(folder / "log.csv", 4 * MANY_IDS, users, 1000, texts=True)
        write_titles(folder / "titles.csv", 1000, texts=True)
        peaks.append(memory(folder)["memory_mb"])
    return {
        "what": f"the same with {MANY_IDS / 1e6:g} million distinct UUIDs",
        "memory_mb": peaks[1],
        "note": f"{(peaks[1] - peaks[0]) * 1e6 / (MANY_IDS - FEW_IDS):.0f} bytes a distinct id",
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--million-rows", type=float, default=8)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--split", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    pa.set_cpu_count(1)
    if chosen.split:
        split_here(chosen.split)
        return
    rows = []
    for make in (
        lambda folder: speed_row(folder, texts=False),
        lambda folder: speed_row(folder, texts=True),
        lambda folder: numbers_row(folder, chosen.million_rows),
        ids_row,
    ):
        with tempfile.TemporaryDirectory() as folder:
            rows.append(make(Path(folder)))
            print(json.dumps(rows[-1]), flush=True)
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
