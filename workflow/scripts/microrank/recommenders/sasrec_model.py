"""SASRec's network: each item of a history looks at itself and the items before it."""

import torch
from torch import nn

LENGTH = 10  # a user's newest items that the model sees


class SASRec(nn.Module):
    """Kang and McAuley, Self-attentive sequential recommendation, ICDM 2018.

    With one head, the layer norm before each block, and an output that is the product of a state
    with an item's own vector.

    Args:
        n_items: Size of the catalogue.
        dimension: Length of an item's vector.
        layers: Blocks of attention and a two-layer network.
        dropout: Share of numbers left out while training.
    """

    later: torch.Tensor
    itself: torch.Tensor

    def __init__(self, n_items: int, dimension: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.items = nn.Embedding(n_items + 1, dimension, padding_idx=0)
        self.positions = nn.Parameter(torch.zeros(LENGTH, dimension))
        nn.init.normal_(self.items.weight, std=dimension**-0.5)
        block = nn.TransformerEncoderLayer(
            dimension,
            nhead=1,
            dim_feedforward=dimension,
            dropout=dropout,
            batch_first=True,
            norm_first=True,
        )
        self.layers = nn.TransformerEncoder(block, layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(dimension)
        self.dropout = nn.Dropout(dropout)
        later = torch.triu(torch.ones(LENGTH, LENGTH, dtype=torch.bool), diagonal=1)
        self.register_buffer("later", later, persistent=False)
        self.register_buffer("itself", torch.eye(LENGTH, dtype=torch.bool), persistent=False)

    def forward(self, histories: torch.Tensor) -> torch.Tensor:
        """Return the state after each item of each history.

        Args:
            histories: [n, LENGTH] item_index, padded with 0 on the left.

        Returns:
            [n, LENGTH, d]; those of padding mean nothing.
        """
        is_pad = histories == 0
        # Padding may look at itself, so that no row of the attention is empty.
        hidden = (self.later | is_pad[:, None, :]) & ~self.itself
        vectors = self.dropout(self.items(histories) + self.positions)
        states: torch.Tensor = self.norm(self.layers(vectors, mask=hidden))
        return states
