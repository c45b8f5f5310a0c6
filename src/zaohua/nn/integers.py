"""Products of 8-bit integers, for decoding on CPUs: a fourth of the weights to fetch, and quick units to multiply.

Weights have a scale for each output, inputs one for each row. Sums of integers are exact, so that what a row gives
depends neither on the rows beside it nor on how the processor splits the work.

Source: Dettmers et al., "LLM.int8()", 2022 (arXiv:2208.07339): row-wise and vector-wise scales.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

TINY = torch.full((1,), 1e-30)
"""Keeps rows of zeros from being divided by zero."""
MOST = torch.full((1,), 127.0)


class IntegerMatrix:
    """A matrix of 8-bit integers with a scale for each output.

    Args:
        weight: the matrix (out, in), on the CPU.
        order: which output comes at which place; as they are when not given.
    """

    def __init__(self, weight: Tensor, order: Tensor | None = None) -> None:
        weight = weight.detach().float()
        weight = weight if order is None else weight[order]
        most = weight.abs().amax(dim=1) + TINY
        self.integers = (weight * (MOST / most)[:, None]).round_().to(torch.int8).t()
        self.scale = most / MOST.square()

    def __call__(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The products of rows (n, in), float32 (n, out), but for a factor of each row, (n, 1)."""
        most = rows.abs().amax(dim=1, keepdim=True).add_(TINY)
        integers = (rows * (MOST / most)).round_().to(torch.int8)
        return torch._int_mm(integers, self.integers) * self.scale, most


class Int8Linear(nn.Module):
    """What a linear layer computes, to about 1 %, from 8-bit weights and inputs.

    Args:
        layer: the layer; it is not changed.
    """

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.matrix = IntegerMatrix(layer.weight)
        self.bias = None if layer.bias is None else layer.bias.detach()

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) -> (..., out), float32."""
        out, scale = self.matrix(x.reshape(-1, x.shape[-1]))
        out = out * scale if self.bias is None else torch.addcmul(self.bias, out, scale)
        return out.view(*x.shape[:-1], -1)
