"""What each stage costs as the data grow: seconds and memory at 1, 10 and 100 times MicroLens-100k.

    python benchmarks/scale.py --folder FOLDER [--scales 1 10 100] [--stages NAME ...] [--json PATH]

Every stage is the workflow's own script, run by itself in a fresh process with one thread for
arithmetic; its figures include start-up, reading and writing. The data
(benchmarks/microlens_like.py), the lists of all users and the models are made up once and kept in
FOLDER, which takes 8 GB at scale 100. Some stages are less than whole: `recommend_top_k` ranks one
shard (its users are in the name), `training data` builds what a training holds beside its model,
and trains nothing, `training, d = …` does half an epoch of 20,000 users, and `training, 2,000
steps` as many of a half epoch of all users. --json keeps figures of earlier calls too.
"""

import argparse
import json
import logging
import os
import runpy
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from microrank.nfm.settings import Recipe

os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).parent.parent
SCRIPTS = ROOT / "workflow" / "scripts"
sys.path.append(str(SCRIPTS))

USERS_PER_SHARD, K, HISTORY_LENGTH, HIT_RATE = 50_000, 20, 10, 0.05
CATALOGUES = {"20k": 19_738, "63k": 63_000, "200k": 200_000}
DIMENSIONS = (64, 128, 256)
USERS_TRAINED_ON = 20_000
TRAINING = {"training, half an epoch": None, "training, 2,000 steps": 2_000}  # and how many steps
METHODS = [f"method {i}" for i in range(7)]


class Named(dict[str, Any]):
    """Files or settings by name, as Snakemake hands them to a script."""

    __getattr__ = dict.__getitem__


def job(
    script: str, inputs: dict[str, Any], outputs: dict[str, str], **params: Any
) -> dict[str, Any]:
    """What a rule tells its script."""
    return {"script": script, "input": inputs, "output": outputs, "params": params}


def stages(at: Path, n_users: int) -> dict[str, dict[str, Any]]:
    """Name -> job, in the order in which they need each other's files, all in the folder `at`."""
    split = {name: f"{at}/splits/{name}.parquet" for name in ("train", "valid", "test")}
    catalogue, lists, subset, tuning = (
        f"{at}/{name}.parquet"
        for name in ("splits/items", "recommendations", "users", "tuning_users")
    )
    past = [split["train"], split["valid"]]
    n_shards = -(-n_users // USERS_PER_SHARD)

    def ranking(users: int, dimension: int, items: str = "20k") -> dict[str, Any]:
        inputs = {
            "model": f"{at}/d{dimension}-{items}.safetensors",
            "past": past,
            "catalogue": f"{at}/splits/items-{items}.parquet",
        }
        return job(
            "recommend_top_k",
            inputs,
            {"recommendations": f"{at}/shard.parquet"},
            device="cpu",
            top_k=K,
            shard=[0, n_users // users],
        )

    def reference(name: str, users: str = subset, to: str = "ranked") -> dict[str, Any]:
        inputs = {"subset": users, "catalogue": catalogue, "past": past}
        return job(
            "rerank_reference", inputs, {"rankings": f"{at}/{to}.parquet"}, reference=name, seed=1
        )

    def training(dimension: int, items: str) -> dict[str, Any]:
        return {
            "here": "train",
            "train": split["train"],
            "catalogue": f"{at}/splits/items-{items}.parquet",
            "dimension": dimension,
        }

    by_model = {  # what depends on the catalogue and the model, and not on how many users there are
        model_stage(name, dimension, items): of(dimension, items)
        for name, of in (
            ("recommend_top_k", lambda dimension, items: ranking(1_000, dimension, items)),
            ("training", training),
        )
        for items in CATALOGUES
        for dimension in DIMENSIONS
    }

    def splitting(pairs: str, to: str) -> dict[str, Any]:
        made = {name: f"{to}/{name}.parquet" for name in split}
        made |= {"users": f"{to}/users.parquet", "catalogue": f"{to}/items.parquet"}
        made["counts"] = f"{to}/counts.json"
        raw = {"pairs": [f"{at}/{pairs}"], "titles": f"{at}/titles.csv"}
        return job("split_interactions", raw, made, settings={}, names=[pairs, "titles.csv"])

    whole_lists = {  # reads a user's own lists as one table, and is not for the largest scale
        "take_recommendations": job(
            "take_recommendations",
            {"lists": lists, "catalogue": catalogue, **split},
            {"recommendations": f"{at}/taken.parquet"},
            top_k=K,
        )
    }
    trainings = {
        name: {"here": "train_on_all", **split, "catalogue": catalogue, "steps": steps}
        for name, steps in TRAINING.items()
    }
    return {
        "split_interactions": splitting("pairs.tsv", f"{at}/splits"),
        "split_interactions, lines shuffled": splitting("shuffled.tsv", f"{at}/shuffled"),
        "training data": {"here": "build_training_data", **split, "catalogue": catalogue},
        **trainings,
        "recommend_top_k, 50,000 users, d = 64": ranking(50_000, 64),
        "recommend_top_k, 5,000 users, d = 64": ranking(5_000, 64),
        **(by_model if n_users == 100_000 else {}),
        "gather_shards": job(
            "gather_shards",
            {"shards": [f"{at}/lists/{i}.parquet" for i in range(n_shards)]},
            {"table": lists},
        ),
        "evaluate_nfm": job(
            "evaluate_nfm",
            {"recommendations": lists, "test": split["test"], "trained_on": past},
            {"metrics": f"{at}/metrics.json"},
        ),
        "sample_hit_users": job(
            "sample_hit_users",
            {"recommendations": lists, **split},
            {"subset": subset},
            seed=1,
            subset={"sample_size": 100, "history_length": HISTORY_LENGTH, "population": "hits"},
        ),
        "sample_tuning_users": job(
            "sample_tuning_users",
            {"recommendations": lists, "subset": subset, **split},
            {"subset": tuning},
            seed=1,
            history_length=HISTORY_LENGTH,
            tuning={"sample_size": 500},
        ),
        **(whole_lists if n_users <= 1_000_000 else {}),
        "rerank_reference, popularity": reference("popularity"),
        "rerank_reference, popularity, for tuning": reference(
            "popularity", tuning, "ranked_for_tuning"
        ),
        "rerank_reference, bm25": reference("bm25"),
        "rerank_reference, item-knn": reference("item-knn"),
        "fuse_rankings": job(
            "fuse_rankings",
            {
                "subset": subset,
                "tuning": tuning,
                "parts": [lists, f"{at}/ranked.parquet"],
                "tuning_parts": [lists, f"{at}/ranked_for_tuning.parquet"],
            },
            {"rankings": f"{at}/fused.parquet", "chosen": f"{at}/chosen.json"},
            fusion={"fusion": "reciprocal"},
        ),
        "score_rankings, 1% of users": job(
            "score_rankings",
            {
                "subset": f"{at}/percent.parquet",
                "rankings": [f"{at}/percent_ranked.parquet"] * len(METHODS),
            },
            {"metrics": f"{at}/metrics.csv"},
            methods=METHODS,
            scoring={
                "cutoffs": [1, 5, 10, 15, 20],
                "confidence": 0.95,
                "bootstrap_samples": 10_000,
            },
            seed=1,
            recommender="nfm",
        ),
    }


def run_here(stage: dict[str, Any], folder: Path) -> dict[str, float]:
    """Do the stage in this process, and tell what it took, this program's start included."""
    began = time.perf_counter()
    if "here" in stage:
        globals()[stage["here"]](stage)
    else:
        given = {name: Named(stage[name]) for name in ("input", "output", "params")}
        told = {"rule": stage["script"], "log": [str(folder / "log")], "threads": 1}
        snakemake = SimpleNamespace(
            **given,
            **told,
            wildcards=Named(method="method", dataset="made-up", table="recommendations"),
            config={"subset": {"sample_size": 100, "strict": False}},
        )
        runpy.run_path(str(SCRIPTS / f"{stage['script']}.py"), {"snakemake": snakemake})
    status = Path("/proc/self/status").read_text()
    peak_kb = int(status.split("VmHWM:")[1].split()[0])  # of this program alone, unlike ru_maxrss
    return {
        "cpu_s": time.process_time(),
        "wall_s": time.perf_counter() - began,
        "peak_gb": peak_kb * 1024 / 1e9,
    }


def build_training_data(stage: dict[str, Any]) -> None:
    """Build what `train_nfm` holds beside the model and its optimiser.

    These are the splits, histories, chunks, an epoch's order and the validation sample.
    """
    import numpy as np
    from microrank import tables
    from microrank.nfm.chunks import Chunks
    from microrank.nfm.histories import gather_histories
    from microrank.nfm.progress import progress_path
    from microrank.nfm.validation import ValidationSample

    train, valid = (
        tables.StoredTable(stage["train"], tables.SPLIT),
        tables.read_table(stage["valid"], tables.SPLIT),
    )
    items, recipe, random = (
        tables.read_table(stage["catalogue"], tables.ITEMS),
        read_recipe(),
        np.random.default_rng(1),
    )
    histories = gather_histories([train], items)
    chunks = Chunks.of(histories, len(items), recipe.chunk_length)
    ValidationSample.of(histories, valid, items, recipe, random)
    progress_path(Path(), recipe, [], [train, valid])
    order = np.concatenate([np.empty(0, np.int64), random.permutation(len(chunks.examples))])
    chunks.batch(order[: recipe.batch_size], np.arange(1, 100), True)


def train_on_all(stage: dict[str, Any]) -> None:
    """Train the recipe `sampled` on all users for half an epoch, or the first steps of one.

    The curve's row is computed, and the state written, as in `train_nfm`.
    """
    from microrank import tables
    from microrank.nfm.histories import gather_histories
    from microrank.nfm.processes import ALONE
    from microrank.nfm.train import training_chunks
    from microrank.nfm.training_run import TrainingRun
    from microrank.nfm.validation import ValidationSample
    from microrank.seeds import generator

    items, recipe, random = (
        tables.read_table(stage["catalogue"], tables.ITEMS),
        read_recipe(),
        generator(1, "train"),
    )
    histories = gather_histories([tables.StoredTable(stage["train"], tables.SPLIT)], items)
    chunks = training_chunks(histories, items, recipe)
    run = TrainingRun(chunks, recipe, random, device="cpu", processes=ALONE)
    valid = tables.read_table(stage["valid"], tables.SPLIT)
    sample = ValidationSample.of(histories, valid, items, recipe, random)
    state = Path(stage["train"]).parent / "progress.safetensors"
    state.unlink(missing_ok=True)
    run.keep_in(state)
    print(f"{run.steps:,} steps a half epoch")
    run.steps = min(run.steps, stage["steps"] or run.steps)
    run.half_epoch(sample)


def train(stage: dict[str, Any]) -> None:
    """Train the recipe `sampled`, of another width, for half an epoch on the first users."""
    import pyarrow.compute as pc
    from microrank import tables
    from microrank.nfm.histories import gather_histories
    from microrank.nfm.processes import ALONE
    from microrank.nfm.train import training_chunks
    from microrank.nfm.training_run import TrainingRun
    from microrank.seeds import generator

    users, items = (
        tables.read_table(stage["train"], tables.SPLIT),
        tables.read_table(stage["catalogue"], tables.ITEMS),
    )
    last = pc.unique(users["user_id"])[USERS_TRAINED_ON - 1]
    recipe = read_recipe(dimension=stage["dimension"], hidden=stage["dimension"])
    histories = gather_histories([users.filter(pc.field("user_id") <= last)], items)
    chunks = training_chunks(histories, items, recipe)
    run = TrainingRun(chunks, recipe, generator(1, "train"), device="cpu", processes=ALONE)
    run.half_epoch(None)


def model_stage(name: str, dimension: int, items: str) -> str:
    """What a stage of the table by items and d is called."""
    return f"{name}, d = {dimension}, {items} items"


def read_recipe(**changed: Any) -> "Recipe":
    """The config's recipe `sampled`, with changes."""
    import yaml
    from microrank.nfm.settings import Recipe

    return Recipe.from_config(
        yaml.safe_load((ROOT / "config/config.yaml").read_text())["nfm"]["recipes"]["sampled"]
        | changed
    )


def prepare(stage: str, at: Path, n_users: int) -> None:
    """Make up the files that the stage needs and no stage before it makes."""
    import microlens_like

    if stage.startswith("split_interactions"):
        once(at / "pairs.tsv", lambda path: microlens_like.make(at, n_users))
    if stage == "split_interactions, lines shuffled":
        once(at / "shuffled.tsv", lambda path: shuffle_lines(at / "pairs.tsv", path))
    if stage.startswith(("recommend_top_k", "training, d")):
        _, *parts = stage.removesuffix(" items").split(", ")
        items = parts[-1] if parts[-1] in CATALOGUES else "20k"
        dimension = next(
            int(part.removeprefix("d = ")) for part in parts if part.startswith("d = ")
        )
        catalogue = at / f"splits/items-{items}.parquet"
        once(
            catalogue,
            lambda path: make_catalogue(path, at / "splits/items.parquet", CATALOGUES[items]),
        )
        once(
            at / f"d{dimension}-{items}.safetensors",
            lambda path: make_model(path, dimension, catalogue),
        )
    if stage == "gather_shards":
        once(at / "lists/0.parquet", lambda path: make_lists(path.parent, at / "splits"))
    if stage.startswith("score_rankings"):
        once(
            at / "percent.parquet",
            lambda path: make_percent(path, at / "recommendations.parquet", n_users // 100),
        )


def once(path: Path, make: Callable[[Path], Any]) -> None:
    """Make the file unless it is there."""
    if not path.exists():
        make(path)


def shuffle_lines(lines: Path, to: Path) -> None:
    """The same order each time: `shuf` draws it from the file's own bytes."""
    subprocess.run(["shuf", "--random-source", lines, "--output", to, lines], check=True)


def make_catalogue(path: Path, of: Path, n_items: int) -> None:
    """The catalogue with items that nobody has taken added, up to `n_items`."""
    import numpy as np
    import pyarrow as pa
    from microrank import tables

    items = tables.read_table(of, tables.ITEMS)
    more = np.arange(n_items - len(items))
    columns = {
        "item_id": items["item_id"].to_numpy().max() + 1 + more,
        "item_index": len(items) + 1 + more,
        "title": np.full(len(more), ""),
    }
    tables.write_table(
        pa.concat_tables([items, pa.table(columns | {"train_count": more * 0}).cast(tables.ITEMS)]),
        path,
        tables.ITEMS,
    )


def make_model(path: Path, dimension: int, catalogue: Path) -> None:
    """A model whose items lie around topics, as training puts them."""
    import ranking
    from microrank import tables
    from microrank.nfm.checkpoint import save_model

    recipe = read_recipe(dimension=dimension, hidden=dimension)
    save_model(
        path,
        ranking.planted_model(dimension, len(tables.read_table(catalogue, tables.ITEMS)))[0],
        recipe,
    )


def make_lists(folder: Path, splits: Path) -> None:
    """Write shards of made-up lists of all users.

    Every twentieth user's list holds the test item, and every twentieth other's the valid item.
    """
    import numpy as np
    import pyarrow as pa
    from microrank import tables

    test, valid = (
        tables.read_table(splits / f"{name}.parquet", tables.SPLIT) for name in ("test", "valid")
    )
    items = tables.read_table(splits / "items.parquet", tables.ITEMS)["item_id"].to_numpy()
    random = np.random.default_rng(1)
    for shard, first in reversed([*enumerate(range(0, len(test), USERS_PER_SHARD))]):
        users, truth = (
            test[name].slice(first, USERS_PER_SHARD).to_numpy() for name in ("user_id", "item_id")
        )
        n = len(users)
        lists = items[
            (
                random.integers(0, len(items), n)[:, None]
                + np.arange(K) * random.integers(1, len(items) // K, n)[:, None]
            )
            % len(items)
        ]
        place, lot = random.integers(0, K, n), random.random(n)
        for split, lucky in (
            (truth, lot < HIT_RATE),
            (valid["item_id"].slice(first, USERS_PER_SHARD).to_numpy(), lot > 1 - HIT_RATE),
        ):
            hit = lucky & ~(lists == split[:, None]).any(axis=1)
            lists[hit, place[hit]] = split[hit]
        columns = {
            "user_id": np.repeat(users, K),
            "rank": np.tile(np.arange(1, K + 1), n),
            "item_id": lists.ravel(),
        }
        scores = np.sort(random.random((n, K)), axis=1)[:, ::-1].ravel()
        tables.write_table(
            pa.table(columns | {"score": scores}).cast(tables.RECOMMENDATIONS, safe=False),
            folder / f"{shard}.parquet",
            tables.RECOMMENDATIONS,
        )


def make_percent(path: Path, lists: Path, n_users: int) -> None:
    """Make a subset of `n_users`, and a shuffle of their lists as a method's rankings.

    Each has an item of its list as the held-out one.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    from microrank import tables

    rows = next(pq.ParquetFile(lists).iter_batches(n_users * K))
    users, candidates = rows["user_id"].to_numpy()[::K], rows["item_id"].to_numpy().reshape(-1, K)
    random = np.random.default_rng(1)
    place = random.integers(0, K, len(users))
    subset = {
        "user_id": users,
        "ground_truth": candidates[np.arange(len(users)), place],
        "ground_truth_rank": place + 1,
    }
    tables.write_table(
        pa.table(subset | {"history": [[]] * len(users), "candidates": list(candidates)}),
        path,
        tables.SUBSET,
    )
    ranking = {
        "user_id": rows["user_id"],
        "rank": rows["rank"],
        "item_id": random.permuted(candidates, axis=1).ravel(),
    }
    ranked = pa.table(ranking | {"source": ["model"] * len(rows), "score": pa.nulls(len(rows))})
    tables.write_table(ranked, path.with_name("percent_ranked.parquet"), tables.RANKINGS)


def in_fresh_process(arguments: list[str]) -> dict[str, float]:
    """The figures that this program prints with `arguments` as its last line."""
    done = subprocess.run(
        [sys.executable, __file__, *arguments], check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def table(measured: dict[str, dict[str, dict[str, float]]]) -> str:
    """Give the figures in Markdown.

    Stages measured at three scales have the line through them, in units of a million users.
    """
    by_model = {
        model_stage(name, d, items)
        for name in ("recommend_top_k", "training")
        for d in DIMENSIONS
        for items in CATALOGUES
    }
    lines = [
        "| stage | users, million | processor s | wall s | GB | fitted: s | fitted: GB |",
        "|" + "---|" * 7,
    ]
    for name, by_scale in measured.items():
        if name in by_model:
            continue
        millions = [int(scale) / 10 for scale in by_scale]
        for scale, found in by_scale.items():
            last = scale == list(by_scale)[-1] and len(by_scale) > 2
            fits = [
                fitted(millions, [at[key] for at in by_scale.values()], "M") if last else ""
                for key in ("cpu_s", "peak_gb")
            ]
            cells = [
                f"{int(scale) / 10:g}",
                f"{found['cpu_s']:.1f}",
                f"{found['wall_s']:.1f}",
                f"{found['peak_gb']:.2f}",
                *fits,
            ]
            lines.append(
                " | ".join([f"| {name if scale == next(iter(by_scale)) else ''}", *cells]) + " |"
            )
    return "\n".join([*lines, "", *model_table(measured)])


def model_table(measured: dict[str, dict[str, dict[str, float]]]) -> list[str]:
    """Give seconds and GB by items and d, with a line through each row and column.

    I is 100,000 items, D is (d / 64)².
    """
    lines = []
    for stage in ("recommend_top_k", "training"):
        found = {
            (d, items): measured[model_stage(stage, d, items)]["1"]
            for d in DIMENSIONS
            for items in CATALOGUES
            if model_stage(stage, d, items) in measured
        }
        if not found:
            continue
        lines += [
            f"| {stage} | "
            + " | ".join(f"{items} items" for items in CATALOGUES)
            + " | fitted: s |",
            "|" + "---|" * 5,
        ]
        for d in DIMENSIONS:
            row = [found.get((d, items)) for items in CATALOGUES]
            fit = (
                fitted(
                    [n / 1e5 for n in CATALOGUES.values()],
                    [one["cpu_s"] for one in row if one],
                    "I",
                )
                if all(row)
                else ""
            )
            lines.append(f"| d = {d} | " + " | ".join(_cell(one) for one in row) + f" | {fit} |")
        columns = [[found.get((d, items)) for d in DIMENSIONS] for items in CATALOGUES]
        widths = [(d / 64) ** 2 for d in DIMENSIONS]
        fits = [
            fitted(widths, [one["cpu_s"] for one in column if one], "D") if all(column) else ""
            for column in columns
        ]
        lines += ["| fitted: s | " + " | ".join(fits) + " | |", ""]
    return lines


def _cell(found: dict[str, float] | None) -> str:
    return f"{found['cpu_s']:.1f} / {found['peak_gb']:.2f}" if found else ""


def fitted(sizes: list[float], values: list[float], unit: str) -> str:
    """`a + b · unit`, by least squares of the relative errors; neither is less than 0."""
    import numpy as np
    from scipy.optimize import nnls

    (a, b), _ = nnls(
        np.stack([np.ones(len(sizes)), sizes], axis=1) / np.array(values)[:, None],
        np.ones(len(values)),
    )
    return f"{a:.2f} + {b:.3f} {unit}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path("scale"))
    parser.add_argument(
        "--scales",
        type=int,
        nargs="+",
        default=[1, 10],
        help="times 100,000 users; 100 takes half an hour",
    )
    parser.add_argument("--stages", nargs="+", default=[""], help="those whose names begin so")
    parser.add_argument("--json", type=Path)
    parser.add_argument(
        "--table", action="store_true", help="print the figures kept in --json, and measure nothing"
    )
    parser.add_argument("--act", choices=("prepare", "run"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    measured = json.loads(chosen.json.read_text()) if chosen.json and chosen.json.exists() else {}
    if chosen.table:
        print(table(measured))
        return
    for scale in chosen.scales:
        at, n_users = chosen.folder / f"x{scale}", 100_000 * scale
        for name, stage in stages(at, n_users).items():
            if (
                name not in chosen.stages
                if chosen.act
                else not name.startswith(tuple(chosen.stages))
            ):
                continue
            if chosen.act == "prepare":
                prepare(name, at, n_users)
                print("{}")
            elif chosen.act == "run":
                logging.disable(logging.INFO)
                print(json.dumps(run_here(stage, chosen.folder)))
            else:
                same = ["--folder", str(chosen.folder), "--scales", str(scale), "--stages", name]
                in_fresh_process([*same, "--act", "prepare"])
                found = in_fresh_process([*same, "--act", "run"])
                measured.setdefault(name, {})[str(scale)] = {
                    key: round(value, 3) for key, value in found.items()
                }
                print(
                    f"{scale:4d}x {name:50s} {found['cpu_s']:8.1f} s cpu "
                    f"{found['wall_s']:8.1f} s wall {found['peak_gb']:6.2f} GB",
                    flush=True,
                )
                if chosen.json:
                    chosen.json.write_text(json.dumps(measured, indent=2) + "\n")


if __name__ == "__main__":
    main()
