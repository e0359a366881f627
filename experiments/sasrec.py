"""A small SASRec, as a peer of the NFM in `recommenders.py`.

Source: Kang and McAuley, Self-attentive sequential recommendation, 2018. Trained like the NFM by a
softmax over the batch's targets and items drawn by popularity, with the log-q correction.
"""

from dataclasses import dataclass

import numpy as np
import torch
from microrank.nfm.histories import Histories
from torch import nn

LENGTH = 10  # a user's newest items that the model sees
BATCH_USERS = 128
EXTRA_CANDIDATES = 256


@dataclass(frozen=True)
class Setting:
    """What is tuned: width, layers, learning rate, dropout, and passes over the users."""

    dimension: int = 64
    layers: int = 2
    learning_rate: float = 0.003
    dropout: float = 0.3
    epochs: int = 8


class SASRec(nn.Module):
    """Scores of the next item at every position of a history."""

    def __init__(self, n_items: int, setting: Setting) -> None:
        super().__init__()
        self.items = nn.Embedding(n_items + 1, setting.dimension, padding_idx=0)
        self.positions = nn.Parameter(torch.zeros(LENGTH, setting.dimension))
        nn.init.normal_(self.items.weight, std=setting.dimension**-0.5)
        layer = nn.TransformerEncoderLayer(
            setting.dimension,
            nhead=1,
            dim_feedforward=setting.dimension,
            dropout=setting.dropout,
            batch_first=True,
            norm_first=True,
        )
        self.layers = nn.TransformerEncoder(layer, setting.layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(setting.dimension)
        self.dropout = nn.Dropout(setting.dropout)
        causal = torch.triu(torch.ones(LENGTH, LENGTH, dtype=torch.bool), diagonal=1)
        self.register_buffer("causal", causal)

    def forward(self, histories: torch.Tensor) -> torch.Tensor:
        """States [n, LENGTH, d] of histories [n, LENGTH], padded with 0 on the left."""
        is_pad = histories == 0
        # A position may always look at itself, so that no row of the attention is empty.
        hidden_from = self.causal | is_pad[:, None, :]
        hidden_from = hidden_from & ~torch.eye(LENGTH, dtype=torch.bool)
        vectors = self.dropout(self.items(histories) + self.positions)
        return self.norm(self.layers(vectors, mask=hidden_from))


def train_sasrec(histories: Histories, n_items: int, setting: Setting, seed: int) -> SASRec:
    """Train on every user's newest items, each predicted from those before it."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    model = SASRec(n_items, setting)
    n_users = len(histories.users)
    newest = histories.newest(np.arange(n_users), LENGTH + 1).astype(np.int64)
    counts = np.bincount(newest[newest > 0], minlength=n_items + 1)
    share = counts / counts.sum()
    optimiser = torch.optim.AdamW(model.parameters(), lr=setting.learning_rate, weight_decay=0.1)
    steps = setting.epochs * (n_users // BATCH_USERS)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, steps)
    for _ in range(setting.epochs):
        order = random.permutation(n_users)
        for first in range(0, n_users - BATCH_USERS + 1, BATCH_USERS):
            rows = newest[order[first : first + BATCH_USERS]]
            drawn = random.choice(n_items + 1, EXTRA_CANDIDATES, p=share)
            optimiser.zero_grad()
            _loss(model, rows, drawn, share).backward()
            optimiser.step()
            schedule.step()
    return model.eval()


def _loss(model: SASRec, rows: np.ndarray, drawn: np.ndarray, share: np.ndarray) -> torch.Tensor:
    inputs, targets = rows[:, :-1], rows[:, 1:]
    is_example = (inputs > 0) & (targets > 0)
    candidates, counts = np.unique(np.concatenate([targets[is_example], drawn]), return_counts=True)
    states = model(torch.from_numpy(inputs.copy()))[torch.from_numpy(is_example)]
    scores = states @ model.items(torch.from_numpy(candidates)).T
    correction = torch.from_numpy(np.log(counts / share[candidates])).float()
    target = np.searchsorted(candidates, targets[is_example])
    # The user's other items are no negatives.
    own = rows[np.nonzero(is_example)[0]]
    places = np.minimum(np.searchsorted(candidates, own), len(candidates) - 1)
    row, column = np.nonzero(candidates[places] == own)
    offset = correction.repeat(len(scores), 1)
    offset[row, places[row, column]] = -torch.inf
    offset[np.arange(len(target)), target] = -torch.from_numpy(np.log(share[candidates]))[
        target
    ].float()
    return nn.functional.cross_entropy(scores + offset, torch.from_numpy(target))


@torch.no_grad()
def sasrec_scores(model: SASRec, histories: Histories, users: np.ndarray) -> np.ndarray:
    """Scores [len(users), n_items + 1] of the users at places `users`."""
    newest = torch.from_numpy(histories.newest(users, LENGTH).astype(np.int64))
    return (model(newest)[:, -1] @ model.items.weight.T).numpy()
