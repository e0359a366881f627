"""SASRec: the next item from the newest ones, by self-attention."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from microrank.errors import StudyError
from microrank.recommenders.fitted import Fitted, Interactions, Judge, Scores
from microrank.recommenders.sasrec_model import LENGTH, SASRec
from microrank.seeds import generator

BATCH_USERS = 128
EXTRA_CANDIDATES = 256  # a step, drawn by popularity for the whole batch
WEIGHT_DECAY = 0.1


def fit(
    data: Interactions, setting: dict[str, Any], seed: int, judge: Judge | None = None
) -> Fitted:
    """Train on every user's newest items, each predicted from those before it.

    The loss is a softmax over the batch's targets and items drawn by popularity, with their log
    probability subtracted (Bengio and Senécal 2008), where the paper has one drawn item a target.
    AdamW's learning rate falls to 0 over `max_epochs`.

    Args:
        data: What it may know.
        setting: `dimension`, `layers`, `dropout`, `learning_rate`, `max_epochs`; `epochs` where
            training ends before them.
        seed: Of the study.
        judge: Asked after each epoch; None: it is not.
    """
    random = generator(seed, "sasrec")
    torch.manual_seed(int(random.integers(2**31)))
    model = SASRec(data.n_items, setting["dimension"], setting["layers"], setting["dropout"])
    newest = data.histories.newest(np.arange(len(data.histories.users)), LENGTH + 1)
    examples = Examples(newest.astype(np.int64), data.n_items, random)
    steps = setting["max_epochs"] * examples.batches_an_epoch
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=setting["learning_rate"], weight_decay=WEIGHT_DECAY
    )
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, steps)
    scores, curve = _scores(model, data), []
    for _ in range(setting.get("epochs", setting["max_epochs"])):
        model.train()
        for rows, drawn in examples.epoch():
            optimiser.zero_grad()
            batch_loss(model, rows, drawn, examples.share).backward()
            optimiser.step()
            schedule.step()
        if judge:
            curve.append(judge(scores))
    return Fitted(scores, tuple(curve))


class Examples:
    """The users' newest items, in batches.

    Args:
        newest: [n_users, LENGTH + 1] item_index, padded with 0 on the left.
        n_items: Size of the catalogue.
        random: Draws the order of users, and items.

    Raises:
        StudyError: Nobody has two items.
    """

    def __init__(self, newest: np.ndarray, n_items: int, random: np.random.Generator) -> None:
        self.newest, self.random = newest[newest[:, -2] > 0], random
        if not len(self.newest):
            raise StudyError("sasrec: nobody has two items, so there is nothing to learn from")
        counts = np.bincount(newest[newest > 0], minlength=n_items + 1)
        self.share = counts / counts.sum()

    @property
    def batches_an_epoch(self) -> int:
        """How many there are, a smaller last one among them."""
        return -(-len(self.newest) // BATCH_USERS)

    def epoch(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield (rows of users, drawn items) in a new order."""
        order = self.random.permutation(len(self.newest))
        for first in range(0, len(order), BATCH_USERS):
            drawn = self.random.choice(len(self.share), EXTRA_CANDIDATES, p=self.share)
            yield self.newest[order[first : first + BATCH_USERS]], drawn


def batch_loss(
    model: SASRec, rows: np.ndarray, drawn: np.ndarray, share: np.ndarray
) -> torch.Tensor:
    """Compute the mean loss of a batch's examples.

    Args:
        model: The network.
        rows: [n, LENGTH + 1] item_index: each is the target of those before it.
        drawn: Further candidates.
        share: [n_items + 1], how likely each item is drawn.
    """
    inputs, targets = rows[:, :-1], rows[:, 1:]
    is_example = (inputs > 0) & (targets > 0)
    candidates, counts = np.unique(np.concatenate([targets[is_example], drawn]), return_counts=True)
    states = model(torch.from_numpy(inputs.copy()))[torch.from_numpy(is_example)]
    scores = states @ model.items(torch.from_numpy(candidates)).T
    target = np.searchsorted(candidates, targets[is_example])
    own = rows[np.nonzero(is_example)[0]]
    offsets = torch.from_numpy(_offsets(candidates, counts, share, own, target=target))
    return nn.functional.cross_entropy(scores + offsets, torch.from_numpy(target))


def _offsets(
    candidates: np.ndarray,
    counts: np.ndarray,
    share: np.ndarray,
    own: np.ndarray,
    *,
    target: np.ndarray,
) -> np.ndarray:
    """What is added to scores: log(count / share); −∞ for the user's other items, [n, m]."""
    unlikely = -np.log(share[candidates])
    offsets = np.tile(np.log(counts) + unlikely, (len(target), 1))
    places = np.minimum(np.searchsorted(candidates, own), len(candidates) - 1)
    row, column = np.nonzero(candidates[places] == own)
    offsets[row, places[row, column]] = -np.inf
    offsets[np.arange(len(target)), target] = unlikely[target]
    return offsets.astype(np.float32)


def _scores(model: SASRec, data: Interactions) -> Scores:
    @torch.no_grad()
    def scores(users: np.ndarray) -> np.ndarray:
        newest = torch.from_numpy(data.histories.newest(users, LENGTH).astype(np.int64))
        model.eval()
        return (model(newest)[:, -1] @ model.items.weight.T).numpy()

    return scores
