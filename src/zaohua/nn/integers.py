"""Linear layers in 8-bit integers, for decoding on CPUs: a quarter of the memory traffic, and fast integer arithmetic.

Weights have a scale per output, inputs a scale per row. Sums of integers are exact, so the result of a row depends
neither on the other rows of the batch nor on how the processor splits the work.

Source: Dettmers et al., "LLM.int8()", 2022 (arXiv:2208.07339): row-wise and vector-wise scales.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

TINY = torch.full((1,), 1e-30)
"""Added to the maximum of a row, so that rows of zeros aren't divided by zero."""
MOST = torch.full((1,), 127.0)


class IntegerMatrix:
    """Matrix of 8-bit integers with a scale per output.

    Args:
        weight: the matrix (out, in), on the CPU.
        order: permutation of the outputs; None keeps their order.
    """

    def __init__(self, weight: Tensor, order: Tensor | None = None) -> None:
        weight = weight.detach().float()
        weight = weight if order is None else weight[order]
        most = weight.abs().amax(dim=1) + TINY
        self.integers = (weight * (MOST / most)[:, None]).round_().to(torch.int8).t()
        self.scale = most / MOST.square()

    def __call__(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Multiply rows (n, in); return float32 (n, out), and a factor (n, 1) by which to multiply it."""
        most = rows.abs().amax(dim=1, keepdim=True).add_(TINY)
        integers = (rows * (MOST / most)).round_().to(torch.int8)
        return torch._int_mm(integers, self.integers) * self.scale, most


class Int8Linear(nn.Module):
    """Linear layer with 8-bit weights and inputs, accurate to about 1 %.

    Args:
        layer: the original layer; it isn't changed.
    """

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.matrix = IntegerMatrix(layer.weight)
        self.bias = None if layer.bias is None else layer.bias.detach()

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., in) to (..., out), float32."""
        out, scale = self.matrix(x.reshape(-1, x.shape[-1]))
        out = out * scale if self.bias is None else torch.addcmul(self.bias, out, scale)
        return out.view(*x.shape[:-1], -1)
