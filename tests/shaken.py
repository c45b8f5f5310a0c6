"""For the tests of networks: weights moved away from where training starts, where some are zero."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

NetT = TypeVar("NetT", bound=nn.Module)


def shaken(net: NetT, deviation: float = 0.3) -> NetT:
    """Add random numbers to the weights of a network, smaller ones where rows are longer; return it."""
    with torch.no_grad():
        for p in net.parameters():
            p.add_(deviation * torch.randn_like(p) / max(1, p.shape[-1]) ** 0.5)
    return net
