"""Low-rank adaptation (LoRA): freeze trained linear layers and learn a low-rank correction of each.

Source: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", 2021 (arXiv:2106.09685).
"""

from __future__ import annotations

import copy
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LoRA(nn.Module):
    """Linear layer x -> W x + b + B A x with W and b frozen; B is zero at first, so the output is unchanged.

    Args:
        layer: the trained layer.
        rank: rank of the correction B A.
    """

    def __init__(self, layer: nn.Linear, rank: int) -> None:
        super().__init__()
        self.layer = layer.requires_grad_(False)
        self.A = nn.Parameter(torch.randn(rank, layer.in_features) / math.sqrt(layer.in_features))
        self.B = nn.Parameter(torch.zeros(layer.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., in) to (..., out)."""
        out: Tensor = self.layer(x) + F.linear(F.linear(x, self.A), self.B)
        return out

    def merge_adapters(self) -> nn.Linear:
        """Return a plain linear layer with the weight W + B A."""
        layer = copy.deepcopy(self.layer)
        layer.weight.data += self.B.data @ self.A.data
        return layer


def adapt(net: nn.Module, within: str, rank: int) -> nn.Module:
    """Freeze a network and replace the linear layers inside the module named `within` by `LoRA` layers."""
    net.requires_grad_(False)
    for name, module in list(net.named_modules()):
        if isinstance(module, nn.Linear) and within in name.split("."):
            net.set_submodule(name, LoRA(module, rank))
    return net


def merge(net: nn.Module) -> nn.Module:
    """Return a copy of an adapted network with the corrections merged into plain linear layers."""
    net = copy.deepcopy(net)
    for name, module in list(net.named_modules()):
        if isinstance(module, LoRA):
            net.set_submodule(name, module.merge_adapters())
    return net.requires_grad_(False)
