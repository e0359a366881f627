"""What a card does: the engine's numbers against the processor's, and its speed.

    python benchmarks/gpu.py [--json PATH] [--splits FOLDER] [--seconds 200] [--small]

It needs torch, numpy, pyarrow, pyyaml and safetensors, and transformers for the language model.
The data are made up, of MicroLens-100k's size. `--splits` names the `splits` folder of a real
study, on which both recipes are trained too; `--seconds` bounds the reference recipe's training
there, and then the row says so. Without a card, or with `--small`, everything runs at a small
size: a dry run, whose figures mean nothing. A part that fails is said, the others go on, and the
exit status is 1.
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parent.parent / "workflow" / "scripts"))

import microrank  # noqa: F401, sets OpenMP up before torch loads
import numpy as np
import pyarrow as pa
import torch
import torch.distributed
import yaml
from microrank import tables
from microrank.data.sample import SampleSettings, draw_interactions, make_catalogue
from microrank.local_llm.engine import log_probabilities
from microrank.local_llm.model import LocalModel
from microrank.local_llm.rows import likelihood_row
from microrank.nfm.chunks import Chunks
from microrank.nfm.histories import gather_histories
from microrank.nfm.loss import Batch, batch_loss
from microrank.nfm.model import NFM
from microrank.nfm.processes import ALONE, Processes
from microrank.nfm.rank import recommend_top_k
from microrank.nfm.settings import Recipe
from microrank.nfm.threads import ONE_THREAD
from microrank.nfm.train import refit_nfm, training_chunks
from microrank.nfm.training_run import TrainingRun
from microrank.nfm.validation import ValidationSample
from microrank.seeds import generator

Row = dict[str, Any]
ROOT = Path(__file__).parent.parent
TOPICS, MEAN_EXTRA, K = 24, 2.2, 20
WARM_STEPS = 5
REFERENCE_HALF_EPOCHS = 25
# Largest relative distance of the card's gradients from the processor's in float64.
TOLERANCE = {"float32": 1e-4, "TF32": 2e-2}
TF32 = {"float32": "highest", "TF32": "high"}
SMOLLM2 = {
    "vocab_size": 49152,
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "tie_word_embeddings": True,
    "max_position_embeddings": 8192,
}
PREFIX_TOKENS, TITLES, TITLE_TOKENS = 250, 20, 20


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    users: int
    items: int
    square: int  # side of the matrices of the peak's product
    ranked: int  # users whose lists are compared with the processor's
    prompts: int  # of the language model
    dimensions: tuple[int, ...]
    steps: int  # of a training, where they are timed

    @property
    def is_whole(self) -> bool:
        """Whether the figures mean something."""
        return self.users > 10_000


WHOLE = Sizes(100_000, 19_738, 8192, 512, 256, (64, 1024), 60)
SMALL = Sizes(300, 1_000, 256, 20, 2, (16,), 1)


@dataclass(frozen=True)
class Data:
    """Splits to train and test on, tables of `microrank.tables`."""

    name: str
    train: pa.Table
    valid: pa.Table
    test: pa.Table
    items: pa.Table


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path)
    parser.add_argument("--splits", type=Path)
    parser.add_argument("--seconds", type=float, default=200)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--as-process", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if chosen.as_process:
        share_a_batch(device, chosen.as_process)
        return
    sizes = SMALL if chosen.small or device == "cpu" else WHOLE
    rows = list(measure(device, sizes, chosen.splits, chosen.seconds))
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, indent=1) + "\n")
    sys.exit(any("failed" in row for row in rows))


def measure(device: str, sizes: Sizes, splits: Path | None, seconds: float) -> Iterator[Row]:
    """All rows, each printed as soon as it is there."""
    data = made_up(sizes)
    peaks = peak_rates(device, sizes)
    parts: list[Callable[[], list[Row]]] = [
        lambda: [card(device, sizes, peaks)],
        lambda: [same_gradients(device, d, p) for d, p in product(sizes.dimensions, TF32)],
        lambda: [same_lists(device, data, sizes.ranked)],
        lambda: [steps(device, data, sizes.steps, way, peaks) for way in product(recipes(), TF32)],
        lambda: [whole_training(device, data, "sampled")],
        lambda: [two_processes(device, sizes), two_trainings(device, data, 5 * sizes.steps)],
        lambda: [prompts(device, dtype, sizes) for dtype in ("float32", "bfloat16")],
    ]
    if splits:
        real = read_splits(splits)
        parts.append(lambda: [whole_training(device, real, "sampled")])
        parts.append(lambda: [whole_training(device, real, "reference", seconds)])
    for part in parts:
        began = time.monotonic()
        try:
            rows = part()
        except Exception:  # a card's time is short: the other parts go on
            rows = [{"what": "a part", "failed": traceback.format_exc(limit=-3)}]
        for row in rows:
            print(json.dumps(row), flush=True)
            yield row
        print(f"# {time.monotonic() - began:.1f} s", flush=True)


def recipes() -> dict[str, Recipe]:
    """The recipes of the default config; the reference trains for at most 25 half epochs."""
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))
    found = {name: Recipe(**section) for name, section in config["nfm"]["recipes"].items()}
    found["reference"] = replace(found["reference"], max_half_epochs=REFERENCE_HALF_EPOCHS)
    return found


def card(device: str, sizes: Sizes, peaks: dict[str, float]) -> Row:
    """What was measured on."""
    row = {
        "what": "card",
        "name": platform.processor() or platform.machine(),
        "torch": torch.__version__,
        "dry_run": not sizes.is_whole,
        "teraflops": {name: round(rate / 1e12, 2) for name, rate in peaks.items()},
    }
    if device == "cuda":
        properties = torch.cuda.get_device_properties(0)
        row["name"] = properties.name
        row["memory_gb"] = round(properties.total_memory / 1e9, 1)
    return row


def peak_rates(device: str, sizes: Sizes) -> dict[str, float]:
    """Flop/s of a large matrix product in float32, float32 with TF32 and bfloat16."""
    rates = {}
    dtypes = {"float32": torch.float32, "TF32": torch.float32, "bfloat16": torch.bfloat16}
    for name, dtype in dtypes.items():
        pair = torch.randn(2, sizes.square, sizes.square, device=device).to(dtype)
        with precision(TF32.get(name, "highest")):
            seconds = min(timed(device, partial(torch.mm, *pair)) for _ in range(5))
        rates[name] = 2 * sizes.square**3 / seconds
    return rates


def same_gradients(device: str, dimension: int, matmul: str) -> Row:
    """Loss and gradients of a batch on the card, against the processor in float64."""
    batch = example_batch()
    exact = gradients(seeded_model(dimension).double(), batch.double())
    with precision(TF32[matmul]):
        own = gradients(seeded_model(dimension).to(device), batch.to(torch.device(device)))
    distances = {name: distance(own[name], value) for name, value in exact.items()}
    worst = max(distances, key=lambda name: distances[name])
    row = {
        "what": f"loss and gradients, d = {dimension}, {matmul}",
        "worst": worst,
        "relative_distance": float(f"{distances[worst]:.3g}"),
        "at_most": TOLERANCE[matmul],
    }
    if not distances[worst] <= TOLERANCE[matmul]:
        row["failed"] = "too far from float64"
    return row


def seeded_model(dimension: int, n_items: int = 19_738) -> NFM:
    """The same first weights on every machine."""
    model = NFM(n_items, dimension, dimension, recency_decay=0.8, field_matrix=True)
    model.initialise(torch.Generator().manual_seed(0))
    return model.train()


def example_batch(n: int = 64, n_items: int = 19_738) -> Batch:
    """A batch of made-up chunks, all of their items as candidates."""
    random = np.random.default_rng(0)
    items = 1 + (n_items * random.random((n, 11)) ** 2).astype(np.int32)
    items[: n // 3, :5] = 0
    counts = np.bincount(items[items > 0], minlength=n_items + 1)
    positions = np.full(n, 10)
    examples = np.stack([np.arange(n), positions], axis=1).astype(np.int32)
    chunks = Chunks(items, examples, counts / counts.sum(), 10)
    return chunks.batch(np.arange(n), np.empty(0, np.int64), whole_chunks=True)


def gradients(model: NFM, batch: Batch) -> dict[str, torch.Tensor]:
    """The loss and the gradient of each parameter."""
    loss = batch_loss(model, batch)
    loss.backward()
    found = {"loss": loss.detach()}
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            found[name] = parameter.grad
    return {name: value.double().cpu() for name, value in found.items()}


def distance(own: torch.Tensor, exact: torch.Tensor) -> float:
    """‖own − exact‖ / ‖exact‖; where `exact` is 0, ‖own‖."""
    norm = float(torch.linalg.vector_norm(exact))
    return float(torch.linalg.vector_norm(own - exact)) / (norm or 1.0)


def same_lists(device: str, data: Data, n_users: int) -> Row:
    """Top 20 of some users on the card and on the processor."""
    users = data.train["user_id"].to_numpy()
    some = data.train.filter(pa.array(users <= np.unique(users)[n_users - 1]))
    model = seeded_model(64, len(data.items)).eval()
    lists = [
        recommend_top_k(model.to(place), [some], data.items, K, history_length=10)
        for place in ("cpu", device)
    ]
    row = {"what": f"top {K} of {n_users} users on card and processor", "equal": True}
    if not lists[0].equals(lists[1]):
        row |= {"equal": False, "failed": "lists differ"}
    return row


def steps(device: str, data: Data, n: int, way: tuple[str, str], peaks: dict[str, float]) -> Row:
    """Training steps a second, and the share of the card's rate that they reach."""
    name, matmul = way
    recipe = recipes()[name]
    with precision(TF32[matmul]), peak_memory(device) as memory:
        run = new_run(device, data, recipe)
        for step in range(min(WARM_STEPS, n)):
            run.step(step, ONE_THREAD)
        seconds = timed(device, lambda: [run.step(step, ONE_THREAD) for step in range(n)]) / n
    flops = (
        6 * recipe.batch_size * len(run.draw_batch().candidates) * recipe.dimension * recipe.hidden
    )
    return {
        "what": f"training step, recipe {name}, {matmul}, {data.name}",
        "ms": round(seconds * 1e3, 3),
        "examples_per_s": round(recipe.batch_size / seconds),
        "share_of_peak": round(flops / seconds / peaks[matmul], 4),
        "memory_mb": memory.mb,
    }


def new_run(device: str, data: Data, recipe: Recipe) -> TrainingRun:
    """A training before its first step."""
    chunks = training_chunks(gather_histories([data.train], data.items), data.items, recipe)
    return TrainingRun(chunks, recipe, generator(1, "train"), device=device, processes=ALONE)


def whole_training(device: str, data: Data, name: str, seconds: float | None = None) -> Row:
    """Training as the workflow does it, the refit if the recipe has one, and all users' lists.

    The reference recipe is trained with TF32, which its row says.
    """
    recipe = recipes()[name]
    matmul = "TF32" if name == "reference" else "float32"
    began = time.monotonic()
    with precision(TF32[matmul]), peak_memory(device) as memory:
        run = new_run(device, data, recipe)
        sample = ValidationSample.of(
            gather_histories([data.train], data.items), data.valid, data.items, recipe, run.random
        )
        while not run.is_over() and (seconds is None or time.monotonic() - began < seconds):
            run.half_epoch(sample)
        complete, (model, curve, _) = run.is_over(), run.trained()
        best = max(curve, key=lambda row: row.valid_ndcg).half_epoch
        if recipe.refit:
            past = [data.train, data.valid]
            model = refit_nfm(model, past, data.items, recipe, 1, device=device).model
        trained_s = time.monotonic() - began
    ranking_began = time.monotonic()
    lists = recommend_top_k(
        model, [data.train, data.valid], data.items, K, history_length=recipe.history_length
    )
    ranking_s = time.monotonic() - ranking_began
    return {
        "what": f"recipe {name} trained on {data.name}, {matmul}",
        "half_epochs": len(curve),
        "best_half_epoch": best,
        "ended_by": "its own rule" if complete else f"the limit of {seconds:.0f} s",
        "valid_ndcg": [round(row.valid_ndcg, 5) for row in curve],
        "training_s": round(trained_s, 1),
        "ranking_s": round(ranking_s, 1),
        "memory_mb": memory.mb,
        **hit_rates(lists, data.test),
    }


def hit_rates(lists: pa.Table, test: pa.Table) -> dict[str, float]:
    """HR@5, @10 and @20 of all users' held-out items."""
    ranked = lists["item_id"].to_numpy().reshape(-1, K)
    targets = test.sort_by("user_id")["item_id"].to_numpy()
    hits = ranked == targets[:, None]
    return {f"HR@{k}": round(float(hits[:, :k].any(axis=1).mean()), 5) for k in (5, 10, 20)}


def two_processes(device: str, sizes: Sizes) -> Row:
    """A batch shared by two processes on one card, against one process."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*command, __file__, "--as-process", str(sizes.dimensions[-1])],
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    row = {"what": "a batch shared by two processes on one card"}
    return row | (json.loads(lines[0]) if lines else {"failed": done.stderr[-1500:]})


def share_a_batch(device: str, dimension: int) -> None:
    """Be one of two processes; the first prints how far its gradients are from one process's."""
    torch.distributed.init_process_group("gloo")  # NCCL refuses two processes on one card
    processes = Processes(torch.distributed.get_rank(), 2)
    batch, place = example_batch(), torch.device(device)
    shared, alone = (seeded_model(dimension).to(place) for _ in range(2))
    loss = processes.shared_loss(shared)
    loss(batch, ONE_THREAD)
    batch_loss(alone, batch.to(place)).backward()
    pairs = zip(shared.parameters(), alone.parameters(), strict=True)
    worst = max(
        distance(own.grad, whole.grad)
        for own, whole in pairs
        if own.grad is not None and whole.grad is not None
    )
    shared_s = timed(device, lambda: [loss(batch, ONE_THREAD) for _ in range(10)]) / 10
    alone_loss = ALONE.shared_loss(alone)
    alone_s = timed(device, lambda: [alone_loss(batch, ONE_THREAD) for _ in range(10)]) / 10
    if processes.first:
        row: Row = {
            "relative_distance": float(f"{worst:.3g}"),
            "at_most": TOLERANCE["float32"],
            "ms_shared": round(shared_s * 1e3, 2),
            "ms_of_one_beside_another": round(alone_s * 1e3, 2),
        }
        print(json.dumps(row if worst <= TOLERANCE["float32"] else row | {"failed": "too far"}))
    torch.distributed.destroy_process_group()


def two_trainings(device: str, data: Data, n_steps: int) -> Row:
    """Steps a second of two trainings at once, each a process of its own, against one."""
    recipe = recipes()["sampled"]
    rates = []
    with tempfile.TemporaryDirectory() as folder:
        context = torch.multiprocessing.get_context("spawn")
        arguments = (device, data, recipe, n_steps)
        for n in (1, 2):
            files = [Path(folder, f"{n}-{i}") for i in range(n)]
            jobs = [context.Process(target=_train_beside, args=(*arguments, at)) for at in files]
            for job in jobs:
                job.start()
            for job in jobs:
                job.join()
            rates.append(sum(float(file.read_text()) for file in files))
    return {
        "what": f"two trainings at once on one card, recipe sampled, {data.name}",
        "steps_per_s_of_one": round(rates[0], 1),
        "steps_per_s_of_two_together": round(rates[1], 1),
    }


def _train_beside(device: str, data: Data, recipe: Recipe, n_steps: int, file: Path) -> None:
    run = new_run(device, data, recipe)
    for step in range(WARM_STEPS):
        run.step(step, ONE_THREAD)
    seconds = timed(device, lambda: [run.step(step, ONE_THREAD) for step in range(n_steps)])
    file.write_text(str(n_steps / seconds))


def prompts(device: str, dtype: str, sizes: Sizes) -> Row:
    """Questions a second to a language model of SmolLM2's shape with random weights.

    A question is a history of 250 tokens and 20 titles of 20 tokens, read at once.
    """
    from transformers import LlamaConfig, LlamaForCausalLM

    shape = SMOLLM2 if sizes.is_whole else {**SMOLLM2, "num_hidden_layers": 2, "vocab_size": 512}
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**shape))
    local = LocalModel.of("random weights", model, None, device=device, dtype=dtype)
    local.shares_prefixes = True
    random = np.random.default_rng(0)
    draw = lambda n: random.integers(shape["vocab_size"], size=n).tolist()  # noqa: E731
    rows = [
        likelihood_row(draw(PREFIX_TOKENS), [draw(TITLE_TOKENS) for _ in range(TITLES)])
        for _ in range(sizes.prompts)
    ]
    log_probabilities(local, rows[: sizes.prompts // 8 or 1])
    with peak_memory(device) as memory:
        seconds = timed(device, lambda: log_probabilities(local, rows))
    return {
        "what": f"language model of SmolLM2's shape, random weights, {dtype}",
        "questions_per_s": round(len(rows) / seconds, 1),
        "tokens_per_s": round(sum(map(len, rows)) / seconds),
        "memory_mb": memory.mb,
    }


def made_up(sizes: Sizes) -> Data:
    """Users of MicroLens-100k's lengths: the last item is test, the one before it valid."""
    random = generator(1, "microlens-like")
    settings = SampleSettings(sizes.users, sizes.items, TOPICS if sizes.is_whole else 4)
    catalogue = make_catalogue(settings, random)
    lengths, drawn = draw_interactions(catalogue, sizes.users, random, MEAN_EXTRA)
    lengths = np.asarray(lengths, np.int64)
    user = np.repeat(np.arange(1, sizes.users + 1), lengths)
    position = np.arange(len(user)) - np.repeat(lengths.cumsum() - lengths, lengths)
    left = np.repeat(lengths, lengths) - position
    item = np.asarray(catalogue.item_ids[drawn], np.int64)
    whole = pa.table({"user_id": user, "item_id": item, "position": position}).cast(tables.SPLIT)
    train, valid, test = (whole.filter(pa.array(part)) for part in (left > 2, left == 2, left == 1))
    ids = np.sort(catalogue.item_ids)
    counts = np.bincount(np.searchsorted(ids, train["item_id"].to_numpy()), minlength=len(ids))
    columns = [ids, np.arange(1, len(ids) + 1), [""] * len(ids), counts]
    items = pa.table(columns, names=tables.ITEMS.names).cast(tables.ITEMS)
    return Data(f"{sizes.users:,} made-up users", train, valid, test, items)


def read_splits(folder: Path) -> Data:
    """The splits of a study."""
    splits = [
        tables.read_table(folder / f"{name}.parquet", tables.SPLIT)
        for name in ("train", "valid", "test")
    ]
    items = tables.read_catalogue(folder / "items.parquet")
    return Data(folder.resolve().parent.name, *splits, items)


class Peak:
    """The card's peak memory, MB; None on a processor."""

    mb: int | None = None


@contextmanager
def peak_memory(device: str) -> Iterator[Peak]:
    """Measure how much of the card's memory is taken at most meanwhile."""
    peak = Peak()
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    yield peak
    if device == "cuda":
        peak.mb = round(torch.cuda.max_memory_allocated() / 1e6)


@contextmanager
def precision(name: str) -> Iterator[None]:
    """Let float32 products use TF32 (`high`) or not (`highest`) meanwhile."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(name)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def timed(device: str, work: Callable[[], Any]) -> float:
    """Seconds of the work, until the card has finished it."""
    synchronise(device)
    began = time.perf_counter()
    work()
    synchronise(device)
    return time.perf_counter() - began


def synchronise(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
