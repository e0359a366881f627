"""Training of the NFM: batches, steps, a look at the valid items every half epoch, early stop, and going on after a kill."""

import logging
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import torch

from microrank.errors import StudyError
from microrank.nfm.chunks import Chunks
from microrank.nfm.histories import gather_histories
from microrank.nfm.judge import Judge
from microrank.nfm.loss import batch_loss
from microrank.nfm.model import NFM
from microrank.nfm.progress import CurveRow, Progress, load_progress, progress_path, save_progress
from microrank.nfm.settings import Recipe
from microrank.seeds import generator

REPORT_EVERY_S = 10.0
CURVE = ("half_epoch", "step", "loss", "valid_ndcg@10")

log = logging.getLogger(__name__)


class Trained(NamedTuple):
    """The model of the best half epoch, in evaluation mode, and the curve: a row per half epoch, columns CURVE."""

    model: NFM
    curve: list[CurveRow]


def train_nfm(
    train: pa.Table, valid: pa.Table, items: pa.Table, recipe: Recipe, seed: int, *, device: str = "cpu", state_folder: Path | None = None
) -> Trained:
    """Train by AdamW until NDCG@10 on valid has not risen for `recipe.patience` half epochs, or `recipe.max_half_epochs` are over.

    Args:
        train, valid: tables SPLIT. items: table ITEMS.
        state_folder: where the state after each half epoch is kept until the training ends; None keeps none.

    Raises:
        StudyError: there is nothing to train on, or the loss is no longer a number.
    """
    histories = gather_histories([train], items)
    chunks = Chunks.of(histories, len(items), recipe.chunk_length)
    if len(chunks.examples) < 2:
        raise StudyError("the train split holds no user with two items: nothing can be predicted from anything; use more data")
    path = state_folder and progress_path(state_folder, recipe, seed, torch.get_num_threads(), [train, valid])
    random = generator(seed, "train")
    model = NFM(len(items), recipe.dimension, recipe.hidden, recipe.relu_on_score)
    model.initialise(torch.Generator().manual_seed(int(random.integers(2**62))))
    model.to(device)
    judge = Judge.of(histories, valid, items, n_users=recipe.valid_users, history_length=recipe.history_length, random=random)
    run = _Run(model, chunks, recipe, random)
    if path and (found := load_progress(path)):
        run.restore(found)
        log.info("going on after half epoch %d of an earlier run", len(run.curve))
    while not run.is_over():
        loss = run.half_epoch()
        run.note(loss, judge.ndcg_at_10(model))
        if path:
            save_progress(path, run.progress())
    if path:
        path.unlink(missing_ok=True)
    model.load_state_dict(run.best)
    return Trained(model.eval(), run.curve)


class _Run:
    """A training in progress; what it holds beyond its arguments is what `Progress` keeps."""

    def __init__(self, model: NFM, chunks: Chunks, recipe: Recipe, random: np.random.Generator) -> None:
        self.model, self.chunks, self.recipe, self.random = model, chunks, recipe, random
        fused = model.items.weight.device.type in ("cpu", "cuda")
        self.optimiser = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=fused)
        self.steps = -(-len(chunks.examples) // (2 * recipe.batch_size))
        self.popularity = chunks.share.cumsum()
        self.order = np.empty(0, np.int64)
        self.curve: list[CurveRow] = []
        self.best: dict[str, torch.Tensor] = {}
        self.began, self.began_at = time.monotonic(), 0

    def is_over(self) -> bool:
        scores = [row[3] for row in self.curve]
        without_gain = len(scores) - 1 - int(np.argmax(scores)) if scores else 0
        return len(scores) >= self.recipe.max_half_epochs or without_gain >= self.recipe.patience

    def half_epoch(self) -> float:
        """Train for half an epoch; returns the mean loss of its steps."""
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
            raise StudyError("the loss is no longer a number; set a smaller learning_rate in the recipe")
        return total / self.steps

    def _step(self, step: int) -> float:
        recipe, random = self.recipe, self.random
        if len(self.order) < recipe.batch_size:
            self.order = np.concatenate([self.order, random.permutation(len(self.chunks.examples))])
        chosen, self.order = self.order[: recipe.batch_size], self.order[recipe.batch_size :]
        drawn = np.searchsorted(self.popularity, random.random(recipe.extra_candidates) * self.popularity[-1], side="right")
        dropped = random.random((len(chosen), recipe.chunk_length)) < recipe.input_dropout
        batch = self.chunks.batch(chosen, drawn, recipe.batch_candidates == "slots", dropped).to(self.model.items.weight.device)
        if recipe.linear_decay:
            for group in self.optimiser.param_groups:
                group["lr"] = recipe.learning_rate * (1 - step / (self.steps * recipe.max_half_epochs))
        self.optimiser.zero_grad()
        loss = batch_loss(self.model, batch)
        loss.backward()
        self.optimiser.step()
        return float(loss.detach())

    def note(self, loss: float, score: float) -> None:
        """Close a half epoch: a row of the curve, and the state to return to if it is the best so far."""
        if score > max((row[3] for row in self.curve), default=-1.0):
            self.best = {name: value.clone() for name, value in self.model.state_dict().items()}
        half = len(self.curve) + 1
        self.curve.append((half, half * self.steps, loss, score))
        log.info("half epoch %d of at most %d: loss %.4f, valid NDCG@10 %.5f", half, self.recipe.max_half_epochs, loss, score)

    def _report(self, steps_done: int, loss: float) -> None:
        total = self.steps * self.recipe.max_half_epochs
        rate = (steps_done - self.began_at * self.steps) / (time.monotonic() - self.began)
        log.info(
            "step %d of at most %d: loss %.4f, %.0f examples/s, at most %.0f s left",
            *(steps_done, total, loss, rate * self.recipe.batch_size, (total - steps_done) / rate),
        )

    def progress(self) -> Progress:
        names = {parameter: name for name, parameter in self.model.named_parameters()}
        moments = {
            f"{names[parameter]}/{kind}": value  # type: ignore[index]
            for parameter, state in self.optimiser.state.items()
            for kind, value in state.items()
        }
        return Progress(self.model.state_dict(), self.best, moments, self.order, self.random.bit_generator.state, self.curve)  # type: ignore[arg-type]

    def restore(self, found: Progress) -> None:
        device = self.model.items.weight.device
        self.model.load_state_dict(found.model)
        self.best, self.order, self.curve = found.best, found.order, found.curve
        self.random.bit_generator.state = found.random
        self.began_at = len(found.curve)
        for name, parameter in self.model.named_parameters():
            moments = {key.rpartition("/")[2]: value for key, value in found.optimiser.items() if key.rpartition("/")[0] == name}
            self.optimiser.state[parameter] = {kind: value if kind == "step" else value.to(device) for kind, value in moments.items()}
