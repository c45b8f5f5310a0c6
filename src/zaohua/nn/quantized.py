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

from zaohua.errors import ZaohuaError

TINY = 1e-30
"""Keeps rows of zeros from being divided by zero."""
Network = TypeVar("Network", bound=nn.Module)


class Int8Linear(nn.Module):
    """What a linear layer computes, to about 1 %, from 8-bit weights and inputs.

    Args:
        layer: the layer; it is not changed.
    """

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        weight = layer.weight.detach().float()
        most = weight.abs().amax(dim=1).add_(TINY)
        self.weight: Tensor
        self.scale: Tensor
        self.bias: Tensor | None
        self.register_buffer("weight", (weight * (127 / most[:, None])).round_().to(torch.int8).t())
        self.register_buffer("scale", most / 127**2)
        self.register_buffer("bias", None if layer.bias is None else layer.bias.detach())

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) -> (..., out), float32."""
        rows = x.reshape(-1, x.shape[-1])
        most = rows.abs().amax(dim=1, keepdim=True).add_(TINY)
        out = torch._int_mm((rows * (127 / most)).round_().to(torch.int8), self.weight).mul(self.scale).mul_(most)
        if self.bias is not None:
            out += self.bias
        return out.view(*x.shape[:-1], -1)


def int8(net: Network, least: int = 1 << 16) -> Network:
    """A copy of a network for inference whose linear layers of at least so many weights multiply 8-bit integers.

    Raises:
        ZaohuaError: the network is not on a CPU.
    """
    if next(net.parameters()).device.type != "cpu":
        raise ZaohuaError("int8 is for CPUs: leave it out, or move the model there (device='cpu')")
    net = copy.deepcopy(net)
    for parent in list(net.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.Linear) and child.weight.numel() >= least:
                setattr(parent, name, Int8Linear(child))
    return net
