"""Linear layers in 8-bit integers, for decoding on CPUs: a fourth of the weights to fetch, and quick units to multiply.

Weights have a scale for each output, inputs one for each row. Sums of integers are exact, so that what a row gives
depends neither on the rows beside it nor on how the processor splits the work.

Source: Dettmers et al., "LLM.int8()", 2022 (arXiv:2208.07339): row-wise and vector-wise scales.
"""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)


class Int8Linear(nn.Module):
    """What a linear layer computes, to about 1 %, from 8-bit weights and inputs.

    Args:
        layer: the layer; it is not changed.
    """

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        weight = layer.weight.detach().float()
        scale = weight.abs().amax(dim=1).clamp_(min=1e-12) / 127
        self.out_features = layer.out_features
        self.weight: Tensor
        self.scale: Tensor
        self.register_buffer("weight", (weight / scale[:, None]).round_().to(torch.int8).t())
        self.register_buffer("scale", scale)
        self.bias = layer.bias

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) -> (..., out), float32."""
        rows = x.reshape(-1, x.shape[-1])
        scale = rows.abs().amax(dim=1, keepdim=True).clamp_(min=1e-12).mul_(1 / 127)
        out = torch._int_mm((rows / scale).round_().to(torch.int8), self.weight) * (scale * self.scale)
        if self.bias is not None:
            out += self.bias.detach()
        return out.view(*x.shape[:-1], self.out_features)


def int8(net: Network, least: int = 1 << 16) -> Network:
    """A copy of a network for inference whose linear layers of at least so many weights multiply 8-bit integers."""
    net = copy.deepcopy(net)
    for parent in list(net.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.Linear) and child.weight.numel() >= least:
                setattr(parent, name, Int8Linear(child))
    return net
