"""Training of the NFM: batches, steps, a look at the valid items every half epoch, early stop, and going on after a kill."""

import logging
import time
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import torch

from microrank.errors import StudyError
from microrank.nfm.chunks import Chunks
from microrank.nfm.histories import gather_histories
from microrank.nfm.model import NFM
from microrank.nfm.processes import ALONE, Processes
from microrank.nfm.progress import CurveRow, Progress, load_progress, progress_path, save_progress
from microrank.nfm.settings import Recipe
from microrank.nfm.validation import Judge
from microrank.seeds import generator
from microrank.tables import Batches

REPORT_EVERY_S = 10.0
CURVE = ("half_epoch", "step", "loss", "valid_ndcg@10")

log = logging.getLogger(__name__)


class Trained(NamedTuple):
    """The model of the best half epoch, in evaluation mode, and the curve: a row per half epoch, columns CURVE.

    state: the file from which this training would go on, to be deleted once model and curve are kept; None where none was asked for.
    """

    model: NFM
    curve: list[CurveRow]
    state: Path | None = None


def train_nfm(
    train: Batches,
    valid: pa.Table,
    items: pa.Table,
    recipe: Recipe,
    seed: int,
    *,
    device: str = "cpu",
    state_folder: Path | None = None,
    processes: Processes = ALONE,
) -> Trained:
    """Train by AdamW until NDCG@10 on valid has not risen for `recipe.patience` half epochs, or `recipe.max_half_epochs` are over.

    Args:
        train, valid: tables SPLIT. items: table ITEMS.
        state_folder: where the state after each half epoch is kept, the last one too; None keeps none.
        processes: those that share the training; each calls this function with the same arguments, and all get the same model.

    Raises:
        StudyError: there is nothing to train on, or the loss is no longer a number.
    """
    histories = gather_histories([train], items)
    random = generator(seed, "train")
    run = _Run(
        Chunks.of(histories, len(items), recipe.chunk_length),
        len(items),
        recipe,
        random,
        device=device,
        processes=processes,
    )
    judge = Judge.of(
        histories,
        valid,
        items,
        n_users=recipe.valid_users,
        history_length=recipe.history_length,
        random=random,
    )
    run.keep_in(
        state_folder
        and progress_path(
            state_folder, recipe, ["train", seed, *processes.identity], [train, valid]
        )
    )
    while not run.is_over():
        run.half_epoch(judge)
    return run.trained()


def refit_nfm(
    past: Sequence[Batches],
    items: pa.Table,
    recipe: Recipe,
    half_epochs: int,
    seed: int,
    *,
    device: str = "cpu",
    state_folder: Path | None = None,
    processes: Processes = ALONE,
) -> Trained:
    """Train anew on all of `past`, for as many half epochs as served best where the valid items decided.

    The test's lists come from this model: the valid items are the newest that it may know, and many of them are new to the catalogue.

    Args:
        past: the splits before test, tables SPLIT. items: table ITEMS. half_epochs: of the best row of the curve of `train_nfm`.
    """
    chunks = Chunks.of(gather_histories(past, items), len(items), recipe.chunk_length)
    run = _Run(
        chunks, len(items), recipe, generator(seed, "refit"), device=device, processes=processes
    )
    run.keep_in(
        state_folder
        and progress_path(
            state_folder, recipe, ["refit", half_epochs, seed, *processes.identity], past
        )
    )
    while len(run.curve) < half_epochs:
        run.half_epoch(None)
    return run.trained()


def best_half_epoch(curve: list[CurveRow]) -> int:
    """How many half epochs the kept model was trained for."""
    return 1 + int(np.argmax([row[3] for row in curve]))


def ends_training(curve: list[CurveRow], recipe: Recipe) -> bool:
    """Whether training stops there: a shorter curve was cut."""
    return (
        len(curve) >= recipe.max_half_epochs
        or len(curve) - best_half_epoch(curve) >= recipe.patience
    )


class _Run:
    """A training in progress; what it holds beyond its arguments is what `Progress` keeps."""

    def __init__(
        self,
        chunks: Chunks,
        n_items: int,
        recipe: Recipe,
        random: np.random.Generator,
        *,
        device: str,
        processes: Processes,
    ) -> None:
        if len(chunks.examples) < 2:
            raise StudyError(
                "the train split holds no user with two items: nothing can be predicted from anything; use more data"
            )
        self.chunks, self.recipe, self.random, self.processes = chunks, recipe, random, processes
        self.model = NFM(n_items, recipe.dimension, recipe.hidden, recipe.relu_on_score)
        self.model.initialise(torch.Generator().manual_seed(int(random.integers(2**62))))
        self.model.to(device)
        self.loss = processes.shared_loss(self.model)
        # What is judged and kept: the weights' moving average, which forgets the last batches' noise (Polyak and Juditsky 1992).
        self.averaged = deepcopy(self.model) if recipe.weights_average else self.model
        fused = self.model.items.weight.device.type in ("cpu", "cuda")
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(),
            lr=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            fused=fused,
        )
        self.steps = -(-len(chunks.examples) // (2 * recipe.batch_size))
        self.popularity = chunks.share.cumsum()
        self.order = np.empty(0, np.int64)
        self.curve: list[CurveRow] = []
        self.best: dict[str, torch.Tensor] = {}
        self.path: Path | None = None
        self.began, self.began_at = time.monotonic(), 0

    def keep_in(self, path: Path | None) -> None:
        """Keep the state of each half epoch there, and go on from what an earlier run left."""
        self.path = path
        if path and (found := load_progress(path)):
            self._restore(found)
            log.info("going on after half epoch %d of an earlier run", len(self.curve))

    def is_over(self) -> bool:
        return bool(self.curve) and ends_training(self.curve, self.recipe)

    def half_epoch(self, judge: Judge | None) -> None:
        """Train for half an epoch, then judge; without a judge the newest state counts as the best."""
        self.model.train()
        total, reported = 0.0, time.monotonic()
        first = len(self.curve) * self.steps
        for step in range(first, first + self.steps):
            total += self._step(step)
            now = time.monotonic()
            if now - reported > REPORT_EVERY_S:
                reported = now
                self._report(step + 1, total / (step + 1 - first))
        if not np.isfinite(total):
            raise StudyError(
                "the loss is no longer a number; set a smaller learning_rate in the recipe"
            )
        score = (
            self.processes.agreed(judge.ndcg_at_10(self.averaged))
            if judge
            else float(len(self.curve))
        )
        self._close(total / self.steps, score)
        judged = f", valid NDCG@10 {score:.5f}" if judge else ""
        log.info(
            "half epoch %d of at most %d: loss %.4f%s",
            len(self.curve),
            self.recipe.max_half_epochs,
            total / self.steps,
            judged,
        )

    def _step(self, step: int) -> float:
        recipe, random = self.recipe, self.random
        if len(self.order) < recipe.batch_size:
            self.order = np.concatenate([self.order, random.permutation(len(self.chunks.examples))])
        chosen, self.order = self.order[: recipe.batch_size], self.order[recipe.batch_size :]
        drawn = np.searchsorted(
            self.popularity,
            random.random(recipe.extra_candidates) * self.popularity[-1],
            side="right",
        )
        dropped = random.random((len(chosen), recipe.chunk_length)) < recipe.input_dropout
        batch = self.chunks.batch(chosen, drawn, recipe.batch_candidates == "chunk_items", dropped)
        if recipe.linear_decay:
            for group in self.optimiser.param_groups:
                group["lr"] = recipe.learning_rate * (
                    1 - step / (self.steps * recipe.max_half_epochs)
                )
        self.optimiser.zero_grad()
        loss = self.loss(batch)
        self.optimiser.step()
        if self.averaged is not self.model:
            self._average(step)
        return loss

    @torch.no_grad()
    def _average(self, step: int) -> None:
        """A share of the newest state into the average; larger shares at first, so that the initial state is soon forgotten."""
        share = 1 - min(self.recipe.weights_average, (1 + step) / (10 + step))
        for kept, newest in zip(
            self.averaged.state_dict().values(), self.model.state_dict().values(), strict=True
        ):
            if kept.is_floating_point():
                kept.lerp_(newest, share)

    def _close(self, loss: float, score: float) -> None:
        """A row of the curve, the state to return to if it is the best so far, and all of it on disk."""
        if score > max((row[3] for row in self.curve), default=-1.0):
            self.best = {name: value.clone() for name, value in self.averaged.state_dict().items()}
        half = len(self.curve) + 1
        self.curve.append((half, half * self.steps, loss, score))
        if self.path and self.processes.first:
            save_progress(self.path, self._progress())

    def trained(self) -> Trained:
        self.model.load_state_dict(self.best)
        return Trained(self.model.eval(), self.curve, self.path)

    def _report(self, steps_done: int, loss: float) -> None:
        total = self.steps * self.recipe.max_half_epochs
        rate = (steps_done - self.began_at * self.steps) / (time.monotonic() - self.began)
        log.info(
            "step %d of at most %d: loss %.4f, %.0f examples/s, at most %.0f s left",
            *(steps_done, total, loss, rate * self.recipe.batch_size, (total - steps_done) / rate),
        )

    def _progress(self) -> Progress:
        names = {parameter: name for name, parameter in self.model.named_parameters()}
        moments = {
            f"{names[parameter]}/{kind}": value  # type: ignore[index]
            for parameter, state in self.optimiser.state.items()
            for kind, value in state.items()
        }
        averaged = {} if self.averaged is self.model else self.averaged.state_dict()
        return Progress(
            self.model.state_dict(),
            averaged,
            self.best,
            moments,
            self.order,
            self.random.bit_generator.state,  # type: ignore[arg-type]
            self.curve,
        )

    def _restore(self, found: Progress) -> None:
        device = self.model.items.weight.device
        self.model.load_state_dict(found.model)
        if found.averaged:
            self.averaged.load_state_dict(found.averaged)
        self.best, self.order, self.curve = found.best, found.order, found.curve
        self.random.bit_generator.state = found.random
        self.began_at = len(found.curve)
        for name, parameter in self.model.named_parameters():
            moments = {
                key.rpartition("/")[2]: value
                for key, value in found.optimiser.items()
                if key.rpartition("/")[0] == name
            }
            self.optimiser.state[parameter] = {
                kind: value if kind == "step" else value.to(device)
                for kind, value in moments.items()
            }
