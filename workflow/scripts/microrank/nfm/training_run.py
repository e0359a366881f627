"""One training in progress: its steps, its half epochs, and the state that it can go on from."""

import logging
import time
from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from microrank.errors import StudyError
from microrank.nfm.chunks import Chunks
from microrank.nfm.curve import CurveRow, ends_training
from microrank.nfm.loss import Batch
from microrank.nfm.memory import keep_freed_memory
from microrank.nfm.model import NFM
from microrank.nfm.processes import Processes
from microrank.nfm.progress import Progress, load_progress, save_progress
from microrank.nfm.settings import Recipe
from microrank.nfm.threads import Threads, python_threads
from microrank.nfm.validation import ValidationSample

REPORT_EVERY_S = 10.0

log = logging.getLogger(__name__)


class Trained(NamedTuple):
    """What a training ends with.

    Attributes:
        model: of the best half epoch, in evaluation mode.
        curve: a row per half epoch.
        state: the file from which this training would go on, to be deleted once model and curve
            are kept; None where none was asked for.
    """

    model: NFM
    curve: list[CurveRow]
    state: Path | None = None


class TrainingRun:
    """A training in progress; what it holds beyond its arguments is what `Progress` keeps."""

    def __init__(
        self,
        chunks: Chunks,
        recipe: Recipe,
        random: np.random.Generator,
        *,
        start: NFM | None = None,
        device: str,
        processes: Processes,
    ) -> None:
        """Draw the model's first weights, or take those of `start`.

        Raises:
            StudyError: there is nothing to train on.
        """
        self.chunks = chunks
        if len(self.chunks.examples) < 2:
            raise StudyError(
                "the train split holds no user with two items: "
                "nothing can be predicted from anything; use more data"
            )
        keep_freed_memory()
        self.recipe, self.random, self.processes = recipe, random, processes
        self.model = recipe.new_model(len(chunks.share) - 1)
        if start:
            self.model.load_state_dict(start.state_dict())
        else:
            self.model.initialise(torch.Generator().manual_seed(int(random.integers(2**62))))
        self.model.to(device)
        self.loss = processes.shared_loss(self.model)
        # The weights' moving average is what is validated and kept: it forgets the noise of the
        # last batches (Polyak and Juditsky 1992).
        self.averaged = deepcopy(self.model) if recipe.weights_average else self.model
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(),
            lr=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            fused=self.model.items.weight.device.type in ("cpu", "cuda"),
        )
        self.steps = -(-len(self.chunks.examples) // (2 * recipe.batch_size))
        self.popularity = self.chunks.share.cumsum()
        self.order = np.empty(0, np.int64)
        self.curve: list[CurveRow] = []
        self.best: dict[str, torch.Tensor] = {}
        self.path: Path | None = None
        self.began, self.began_at = time.monotonic(), 0

    def keep_in(self, path: Path) -> None:
        """Keep the state of each half epoch there, and go on from what an earlier run left."""
        self.path = path
        if earlier := load_progress(path):
            self._restore(earlier)
            log.info("going on after half epoch %d of an earlier run", len(self.curve))

    def is_over(self) -> bool:
        """Whether training is to stop."""
        return bool(self.curve) and ends_training(self.curve, self.recipe)

    def half_epoch(self, sample: ValidationSample | None) -> None:
        """Train for half an epoch, then validate.

        Args:
            sample: the users to validate on; with None the newest state counts as the best.

        Raises:
            StudyError: the loss is no longer a number.
        """
        loss = self._train()
        score = float(len(self.curve))
        if sample:
            score = self.processes.agreed(sample.ndcg_at_10(self.averaged))
        self._close(loss, score)
        log.info(
            "half epoch %d of at most %d: loss %.4f%s",
            len(self.curve),
            self.recipe.max_half_epochs,
            loss,
            f", valid NDCG@10 {score:.5f}" if sample else "",
        )

    def trained(self) -> Trained:
        """The best model and the curve."""
        self.model.load_state_dict(self.best)
        return Trained(self.model.eval(), self.curve, self.path)

    def _train(self) -> float:
        """All steps of a half epoch; gives their mean loss."""
        self.model.train()
        total, reported = 0.0, time.monotonic()
        first = len(self.curve) * self.steps
        with python_threads(self.model.items.weight.device) as threads:
            for step in range(first, first + self.steps):
                total += self.step(step, threads)
                now = time.monotonic()
                if now - reported > REPORT_EVERY_S:
                    reported = now
                    self._report(step + 1, total / (step + 1 - first))
        if not np.isfinite(total):
            raise StudyError(
                "the loss is no longer a number; set a smaller learning_rate in the recipe"
            )
        return total / self.steps

    def step(self, step: int, threads: Threads) -> float:
        """Train on one batch, whose users the threads share; gives its loss."""
        batch = self.draw_batch()
        if self.recipe.linear_decay:
            left = 1 - step / (self.steps * self.recipe.max_half_epochs)
            for group in self.optimiser.param_groups:
                group["lr"] = self.recipe.learning_rate * left
        self.optimiser.zero_grad()
        loss = self.loss(batch, threads)
        self.optimiser.step()
        if self.averaged is not self.model:
            self._average(step)
        return loss

    def draw_batch(self) -> Batch:
        """The next batch of examples, and the candidates that they share."""
        recipe, random = self.recipe, self.random
        if len(self.order) < recipe.batch_size:
            self.order = np.concatenate([self.order, random.permutation(len(self.chunks.examples))])
        chosen, self.order = np.split(self.order, [recipe.batch_size])
        places = random.random(recipe.extra_candidates) * self.popularity[-1]
        drawn = np.searchsorted(self.popularity, places, side="right")
        dropped = random.random((len(chosen), self.chunks.n_inputs)) < recipe.input_dropout
        return self.chunks.batch(chosen, drawn, recipe.whole_chunks, dropped)

    @torch.no_grad()
    def _average(self, step: int) -> None:
        """Move the average towards the newest state.

        The first steps move it further, so that the initial state is soon forgotten.
        """
        share = 1 - min(self.recipe.weights_average, (1 + step) / (10 + step))
        newest = self.model.state_dict()
        for name, average in self.averaged.state_dict().items():
            if average.is_floating_point():
                average.lerp_(newest[name], share)

    def _close(self, loss: float, score: float) -> None:
        """Add a row to the curve, keep the state if it is the best, and put all of it on disk."""
        if score > max((row.valid_ndcg for row in self.curve), default=-1.0):
            self.best = {name: value.clone() for name, value in self.averaged.state_dict().items()}
        half_epoch = len(self.curve) + 1
        self.curve.append(CurveRow(half_epoch, half_epoch * self.steps, loss, score))
        if self.path and self.processes.first:
            save_progress(self.path, self._progress())

    def _report(self, steps_done: int, loss: float) -> None:
        total = self.steps * self.recipe.max_half_epochs
        rate = (steps_done - self.began_at * self.steps) / (time.monotonic() - self.began)
        log.info(
            "step %d of at most %d: loss %.4f, %.0f examples/s, at most %.0f s left",
            steps_done,
            total,
            loss,
            rate * self.recipe.batch_size,
            (total - steps_done) / rate,
        )

    def _progress(self) -> Progress:
        moments = {
            f"{name}/{kind}": value
            for name, parameter in self.model.named_parameters()
            for kind, value in self.optimiser.state[parameter].items()
        }
        averaged = {} if self.averaged is self.model else self.averaged.state_dict()
        return Progress(
            self.model.state_dict(),
            averaged,
            self.best,
            moments,
            self.order,
            dict(self.random.bit_generator.state),
            self.curve,
        )

    def _restore(self, earlier: Progress) -> None:
        self.model.load_state_dict(earlier.model)
        if earlier.averaged:
            self.averaged.load_state_dict(earlier.averaged)
        self.best, self.order, self.curve = earlier.best, earlier.order, earlier.curve
        self.random.bit_generator.state = earlier.random
        self.began_at = len(earlier.curve)
        parameters = dict(self.model.named_parameters())
        for key, value in earlier.optimiser.items():
            name, _, kind = key.rpartition("/")
            device = "cpu" if kind == "step" else self.model.items.weight.device
            self.optimiser.state[parameters[name]][kind] = value.to(device)
