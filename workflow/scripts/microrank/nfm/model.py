"""Neural factorisation machine on item ids alone.

Source: He and Chua, Neural factorization machines for sparse predictive analytics, 2017. Two
settings tell the model of the history's order. An input may weigh less the further it lies back:
its feature's value is then w = e^(−λ·(distance − 1)) instead of 1, with distance 1 for the newest.
And a matrix M may stand between the fields history and candidate, as in Sun et al., FM²:
Field-matrixed factorization machines for recommender systems, 2021. Without M the pair of a and b
is that of b and a; with it, b may be likelier after a than a after b.

    S_H = M·Σ w v        F_H = ½((Σ w v)² − Σ w² v²)        f(H, c) = F_H + S_H∘v_c
"""

import torch
from torch import nn


class NFM(nn.Module):
    """Scores f(H, c) = w2·ReLU(W1·BN(F_H + S_H∘v_c) + b1) + b2 of candidates c for histories H."""

    def __init__(
        self,
        n_items: int,
        dimension: int,
        hidden: int | None = None,
        relu_on_score: bool = False,
        *,
        recency_decay: float = 0.0,
        field_matrix: bool = False,
    ) -> None:
        """Allocate the weights; `initialise` draws them.

        Args:
            n_items: of the catalogue, without the padding.
            dimension: d, of an item's vector.
            hidden: width of the hidden layer; None is d.
            relu_on_score: whether a last ReLU makes the score.
            recency_decay: λ of the inputs' weights; 0 weights all alike.
            field_matrix: whether M is learnt; without it M is the identity.
        """
        super().__init__()
        self.items = nn.Embedding(n_items + 1, dimension, padding_idx=0)
        self.norm = nn.BatchNorm1d(dimension)
        self.hidden = nn.Linear(dimension, hidden or dimension)
        self.output = nn.Linear(hidden or dimension, 1)
        self.field_matrix = nn.Linear(dimension, dimension, bias=False) if field_matrix else None
        self.relu_on_score = relu_on_score
        self.recency_decay = recency_decay

    def initialise(self, generator: torch.Generator) -> None:
        """Draw Xavier-normal weights and zero biases, as MicroLens does.

        The padding's vector is 0, and M begins as the identity.
        """
        for weight in (self.items.weight, self.hidden.weight, self.output.weight):
            nn.init.xavier_normal_(weight, generator=generator)
        for zero in (self.hidden.bias, self.output.bias, self.items.weight[0].detach()):
            nn.init.zeros_(zero)
        if self.field_matrix is not None:
            nn.init.eye_(self.field_matrix.weight)

    def history_state(self, histories: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """S and F of histories: two of [n_users, d].

        Args:
            histories: item_index, oldest first, 0 is padding, [n_users, length]. The last column
                is next to the candidate.
        """
        length = histories.shape[1]
        distances = torch.arange(length, 0, -1, device=histories.device)
        return self.state_of(self.items(histories), self.input_weights(histories, distances))

    def input_weights(self, histories: torch.Tensor, distances: torch.Tensor) -> torch.Tensor:
        """Weights w of inputs, 0 for padding: [n_users, length].

        Args:
            histories: item_index, 0 is padding, [n_users, length].
            distances: steps from each input to the candidate, from 1, [n_users, length] or
                [length].
        """
        weights = torch.exp(-self.recency_decay * (distances - 1).to(self.items.weight.dtype))
        return torch.where(histories > 0, weights, 0)

    def state_of(
        self, vectors: torch.Tensor, weights: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """S and F of histories whose vectors were looked up: two of [n_users, d].

        Args:
            vectors: v of the inputs, [n_users, length, d].
            weights: w of the inputs, 0 for padding, [n_users, length].
        """
        vectors = vectors * weights[..., None]
        sums = vectors.sum(dim=1)
        halves = (sums**2 - (vectors**2).sum(dim=1)) / 2
        return (sums if self.field_matrix is None else self.field_matrix(sums)), halves

    def forward(self, histories: torch.Tensor, candidates: torch.Tensor) -> torch.Tensor:
        """Scores [n_users, m] of candidates [n_users, m]."""
        sums, halves = self.history_state(histories)
        pairs = halves[:, None] + sums[:, None] * self.items(candidates)
        normed = self.norm(pairs.flatten(0, 1)).view_as(pairs)
        scores = self.output(self.hidden(normed).relu())[..., 0]
        return scores.relu() if self.relu_on_score else scores
