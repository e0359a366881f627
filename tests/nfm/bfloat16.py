"""Screening in bfloat16 on every processor, for tests.

Where oneDNN cannot multiply bfloat16, its arithmetic is imitated in float32, which holds every
product of two bfloat16 numbers exactly.
"""

import torch
from microrank.nfm import folded_model

NATIVE_RELU_LAYER = folded_model.relu_layer


def imitated_relu_layer(
    items: torch.Tensor, weights: torch.Tensor, bias: torch.Tensor
) -> torch.Tensor:
    """As oneDNN multiplies bfloat16: sums and bias in float32, rounded once."""
    if items.dtype != torch.bfloat16:
        return NATIVE_RELU_LAYER(items, weights, bias)
    return (items.float() @ weights.float().T + bias).relu().to(items.dtype)
