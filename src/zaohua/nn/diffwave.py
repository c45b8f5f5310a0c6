"""The dilated network of DiffWave (Kong et al. 2020, arXiv 2009.09761): a wave, a time and a condition -> a wave.

A stack of gated convolutions whose taps lie 1, 2, 4 ... apart looks both ways, and its layers' outputs are summed up.
The wave is folded into patches first, as the U-Net does with large pictures, since at full rate a layer's width would
be paid for at every sample.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.core.spec import DataSpec
from zaohua.nn.embed import Embed, TimeEmbed, pool
from zaohua.nn.layers import Dropout, row_conv, scaled


class DilatedNet(nn.Module):
    """A wave, a time and a condition -> a wave; it can be called as `UNet` is.

    Args:
        x_spec: the wave.
        y_spec: the condition; the mean of its tokens steers every layer.
        channels: width of the layers.
        layers: gated convolutions, each with 3 taps.
        cycle: layers after which the dilation, which doubles from layer to layer, is 1 again.
        patch: neighbouring samples that become channels; 1 is the paper's network.
        dropout: probability with which a unit behind a gate is dropped.
        out_channels: channels of the result; None for those of x.

    Attributes:
        reach: samples before and behind its own patch that a sample of the result depends on.
    """

    def __init__(
        self,
        x_spec: DataSpec,
        y_spec: DataSpec | None = None,
        *,
        channels: int = 64,
        layers: int = 20,
        cycle: int = 10,
        patch: int = 1,
        dropout: float = 0.0,
        out_channels: int | None = None,
    ) -> None:
        super().__init__()
        self.patch = patch
        out_channels = out_channels or x_spec.channels
        context = 4 * channels
        self.embed = Embed(y_spec, context)
        self.time = TimeEmbed(context)
        edge = 1 if patch == 1 else 3
        self.stem = row_conv(x_spec.channels * patch, channels, edge)
        dilations = [2 ** (i % cycle) for i in range(layers)]
        self.layers = nn.ModuleList(Gated(channels, context, dilation, dropout) for dilation in dilations)
        self.mix = row_conv(channels, channels, 1, gain=math.sqrt(2))
        self.head = row_conv(channels, out_channels * patch, edge, gain=0.0)
        self.reach = patch * (edge - 1 + sum(dilations))

    def forward(self, x: Tensor, t: Tensor, y: Tensor | None = None, keep: Tensor | None = None) -> Tensor:
        """x (B, C, n), t (B,), y as its spec says, keep bool (B,) -> (B, out, n)."""
        length = x.shape[2]
        context = F.silu(self.time(t) + pool(self.embed(y, len(x), keep)))
        h = F.relu(self.stem(fold(x, self.patch)))
        total = torch.zeros_like(h)
        for layer in self.layers:
            h, skip = layer(h, context)
            total = total + skip
        h = F.relu(self.mix(total * len(self.layers) ** -0.5))
        return unfold(self.head(h), self.patch)[..., :length]


class Gated(nn.Module):
    """tanh(a) sigmoid(b) of a dilated convolution that is steered by the context: a part goes on, a part is skipped."""

    def __init__(self, channels: int, context: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.steer = scaled(nn.Linear(context, 2 * channels))
        self.dilated = row_conv(channels, 2 * channels, 3, dilation=dilation)
        self.dropout = Dropout(dropout)
        self.out = row_conv(channels, 2 * channels, 1, gain=math.sqrt(2))

    def forward(self, x: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, 1, T), (B, context) -> what goes on and what is skipped, (B, C, 1, T) each."""
        signal, gate = (self.dilated(x) + self.steer(context)[:, :, None, None]).chunk(2, dim=1)
        on, skip = self.out(self.dropout(torch.tanh(signal) * torch.sigmoid(gate))).chunk(2, dim=1)
        return (x + on) * math.sqrt(0.5), skip


def fold(x: Tensor, patch: int) -> Tensor:
    """(B, C, n) -> (B, C * patch, 1, ceil(n / patch)), with zeros behind the end."""
    x = F.pad(x, (0, -x.shape[2] % patch))
    return x.unflatten(2, (-1, patch)).transpose(2, 3).flatten(1, 2).unsqueeze(2)


def unfold(h: Tensor, patch: int) -> Tensor:
    """The inverse of `fold`: (B, C * patch, 1, T) -> (B, C, T * patch)."""
    return h.squeeze(2).unflatten(1, (-1, patch)).transpose(2, 3).flatten(2)
