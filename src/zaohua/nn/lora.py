"""Low-rank adaptation: a trained linear layer stays as it is, and learns a small correction beside it.

Source: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", 2021 (arXiv:2106.09685).
"""

from __future__ import annotations

import copy
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LoRA(nn.Module):
    """x -> W x + b + B A x with W and b held still; B is zero at first, so nothing has changed yet.

    Args:
        layer: the trained layer.
        rank: of the correction B A.
    """

    def __init__(self, layer: nn.Linear, rank: int) -> None:
        super().__init__()
        self.layer = layer.requires_grad_(False)
        self.A = nn.Parameter(torch.randn(rank, layer.in_features) / math.sqrt(layer.in_features))
        self.B = nn.Parameter(torch.zeros(layer.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) -> (..., out)."""
        return self.layer(x) + F.linear(F.linear(x, self.A), self.B)

    def merge_adapters(self) -> nn.Linear:
        """One plain layer of W + B A."""
        layer = copy.deepcopy(self.layer)
        layer.weight.data += self.B.data @ self.A.data
        return layer


def adapt(net: nn.Module, within: str, rank: int) -> nn.Module:
    """Hold a network still, but for a correction beside each of its linear layers below the module named `within`."""
    net.requires_grad_(False)
    for name, module in list(net.named_modules()):
        if isinstance(module, nn.Linear) and within in name.split("."):
            net.set_submodule(name, LoRA(module, rank))
    return net


def merge(net: nn.Module) -> nn.Module:
    """A copy of an adapted network with its corrections added to the layers: as plain as it was before."""
    net = copy.deepcopy(net)
    for name, module in list(net.named_modules()):
        if isinstance(module, LoRA):
            net.set_submodule(name, module.merge_adapters())
    return net.requires_grad_(False)
