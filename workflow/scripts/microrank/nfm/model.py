"""Neural factorisation machine on item ids alone.

Source: He and Chua, Neural factorization machines for sparse predictive analytics, 2017.
"""

import torch
from torch import nn


class NFM(nn.Module):
    """Scores f(H, c) = w2·ReLU(W1·BN(F_H + S_H∘v_c) + b1) + b2 of candidates c for histories H."""

    def __init__(
        self, n_items: int, dimension: int, hidden: int | None = None, relu_on_score: bool = False
    ) -> None:
        super().__init__()
        self.items = nn.Embedding(n_items + 1, dimension, padding_idx=0)
        self.norm = nn.BatchNorm1d(dimension)
        self.hidden = nn.Linear(dimension, hidden or dimension)
        self.output = nn.Linear(hidden or dimension, 1)
        self.relu_on_score = relu_on_score

    def initialise(self, generator: torch.Generator) -> None:
        """Draw Xavier-normal weights and zero biases, as MicroLens does; padding's vector is 0."""
        for weight in (self.items.weight, self.hidden.weight, self.output.weight):
            nn.init.xavier_normal_(weight, generator=generator)
        for zero in (self.hidden.bias, self.output.bias, self.items.weight[0].detach()):
            nn.init.zeros_(zero)

    def history_state(self, histories: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """S = Σ v and F = ½(S² − Σ v²) of histories: two of [n_users, d].

        Args:
            histories: item_index, 0 is padding, [n_users, length].
        """
        return history_state(self.items(histories), histories > 0)

    def forward(self, histories: torch.Tensor, candidates: torch.Tensor) -> torch.Tensor:
        """Scores [n_users, m] of candidates [n_users, m]."""
        sums, halves = self.history_state(histories)
        pairs = halves[:, None] + sums[:, None] * self.items(candidates)
        normed = self.norm(pairs.flatten(0, 1)).view_as(pairs)
        scores = self.output(self.hidden(normed).relu())[..., 0]
        return scores.relu() if self.relu_on_score else scores


def history_state(vectors: torch.Tensor, real: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """S and F of the vectors of histories: two of [n_users, d].

    Args:
        vectors: of the items, [n_users, length, d].
        real: which of them are no padding, [n_users, length].
    """
    vectors = vectors * real[..., None]
    sums = vectors.sum(dim=1)
    return sums, (sums**2 - (vectors**2).sum(dim=1)) / 2
