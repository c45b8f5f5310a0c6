"""Dilated convolutional network of DiffWave (Kong et al. 2020, arXiv 2009.09761), a denoiser of waveforms.

It is a stack of bidirectional gated convolutions with dilations 1, 2, 4 ..., whose skip outputs are summed. Waveforms
are folded into patches first, as the U-Net does with large images, because layers at the full sample rate are costly.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.core.record import Condition
from zaohua.core.spec import DataSpec
from zaohua.nn.embed import Embed, TimeEmbed
from zaohua.nn.layers import Dropout, row_conv, scaled
from zaohua.nn.overlay import overlay_of


class DilatedNet(nn.Module):
    """Network from a waveform, a time and a condition to a waveform; same signature as `UNet`.

    Args:
        x_spec: description of the waveform.
        y_spec: description of the condition. A waveform is concatenated as channels; of anything else, the mean of the
            tokens is added in every layer.
        channels: number of channels of the layers.
        layers: number of gated convolutions, each with kernel size 3.
        cycle: the dilation doubles from layer to layer, and is reset to 1 after this many layers.
        patch: number of neighbouring samples that are folded into channels; 1 gives the paper's network.
        dropout: dropout probability after a gate.
        out_channels: channels of the output; None for those of x.

    Attributes:
        reach: number of samples on either side of its own patch that an output sample depends on.
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
        self.overlay, more_channels, overlaid = overlay_of(y_spec, x_spec)
        plain_overlay = self.overlay is not None and not overlaid
        self.embed = Embed(None if plain_overlay else y_spec, context, leave_out=overlaid)
        self.time = TimeEmbed(context)
        edge = 1 if patch == 1 else 3
        self.stem = row_conv((x_spec.channels + more_channels) * patch, channels, edge)
        dilations = [2 ** (i % cycle) for i in range(layers)]
        self.layers = nn.ModuleList(Gated(channels, context, dilation, dropout) for dilation in dilations)
        self.mix = row_conv(channels, channels, 1, gain=math.sqrt(2))
        self.head = row_conv(channels, out_channels * patch, edge, gain=0.0)
        self.reach = patch * (edge - 1 + sum(dilations))

    def forward(self, x: Tensor, t: Tensor, y: Condition | None = None, keep: Tensor | None = None) -> Tensor:
        """Map x (B, C, n), times t (B,), conditions y and the mask keep (B,) to (B, out, n)."""
        length = x.shape[2]
        if self.overlay is not None:
            x = self.overlay(x, y, keep)
        context = F.silu(self.time(t) + self.embed(y, x.shape[0], keep).summary)
        h = F.relu(self.stem(fold(x, self.patch)))
        total = torch.zeros_like(h)
        for layer in self.layers:
            h, skip = layer(h, context)
            total = total + skip
        h = F.relu(self.mix(total * len(self.layers) ** -0.5))
        return unfold(self.head(h), self.patch)[..., :length]


class Gated(nn.Module):
    """Gated residual layer: tanh(a) sigmoid(b) of a dilated convolution plus the context, with a skip output."""

    def __init__(self, channels: int, context: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.steer = scaled(nn.Linear(context, 2 * channels))
        self.dilated = row_conv(channels, 2 * channels, 3, dilation=dilation)
        self.dropout = Dropout(dropout)
        self.out = row_conv(channels, 2 * channels, 1, gain=math.sqrt(2))

    def forward(self, x: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Map x (B, C, 1, T) and the context (B, context) to residual and skip outputs, (B, C, 1, T) each."""
        signal, gate = (self.dilated(x) + self.steer(context)[:, :, None, None]).chunk(2, dim=1)
        residual, skip = self.out(self.dropout(torch.tanh(signal) * torch.sigmoid(gate))).chunk(2, dim=1)
        return (x + residual) * math.sqrt(0.5), skip


def fold(x: Tensor, patch: int) -> Tensor:
    """Fold (B, C, n), padded with zeros, to (B, C * patch, 1, ceil(n / patch))."""
    x = F.pad(x, (0, -x.shape[2] % patch))
    out: Tensor = x.unflatten(2, (-1, patch)).transpose(2, 3).flatten(1, 2).unsqueeze(2)
    return out


def unfold(h: Tensor, patch: int) -> Tensor:
    """Invert `fold`: map (B, C * patch, 1, T) to (B, C, T * patch)."""
    out: Tensor = h.squeeze(2).unflatten(1, (-1, patch)).transpose(2, 3).flatten(2)
    return out
