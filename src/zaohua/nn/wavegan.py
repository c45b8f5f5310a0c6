"""The generator and the discriminator of WaveGAN (Donahue et al. 2018, arXiv 1802.04208).

DCGAN's, flattened: kernels of 25 samples and strides of 4 instead of 5 x 5 pixels and strides of 2, and no norm.
Transposed convolutions leave a tone behind whose phase is always the same; *phase shuffle* moves the discriminator's
features by a few samples at random, so that it can't tell fakes by that. Both can be differentiated twice.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.core.spec import DataSpec
from zaohua.nn.convolutions import ConvTranspose2d
from zaohua.nn.embed import Embed, pool
from zaohua.nn.layers import row_conv, scaled

KERNEL = 25
STRIDE = 4
SHORTEST = 32
"""Samples at the lowest resolution at most."""
SLOPE = 0.2
CONDITION_DIM = 128
GAIN = math.sqrt(2.0)


def lengths(samples: int) -> list[int]:
    """Lengths from the whole wave downwards, a quarter each, rounded up, at least one quartering: 8192 ... 32."""
    sizes = [samples, math.ceil(samples / STRIDE)]
    while sizes[-1] > SHORTEST:
        sizes.append(math.ceil(sizes[-1] / STRIDE))
    return sizes


class WaveGenerator(nn.Module):
    """A vector -> a wave, unbounded: squashing it, or not, is up to the objective.

    Args:
        x_spec: the wave.
        y_spec: the condition, appended to the vector.
        in_dim: length of the vector.
        channels: width before the last quadrupling of the length; it doubles with each one below.
        max_channels: the largest width.
    """

    def __init__(
        self,
        x_spec: DataSpec,
        y_spec: DataSpec | None = None,
        *,
        in_dim: int,
        channels: int = 64,
        max_channels: int = 1024,
    ) -> None:
        super().__init__()
        self.lengths = lengths(x_spec.tensor_shape[1])[::-1]
        widths = [min(channels * 2**level, max_channels) for level in range(len(self.lengths) - 1)][::-1]
        self.embed = Embed(y_spec, CONDITION_DIM)
        total = in_dim + (CONDITION_DIM if y_spec is not None else 0)
        self.stem = scaled(nn.Linear(total, widths[0] * self.lengths[0]))
        self.ups = nn.ModuleList(WaveUp(low, high) for low, high in pairwise([*widths, x_spec.channels]))

    def forward(self, z: Tensor, y: Tensor | None = None, keep: Tensor | None = None) -> Tensor:
        """z (B, in_dim), y as its spec says, keep bool (B,) -> (B, C, n)."""
        if self.embed.spec is not None:
            z = torch.cat([z, pool(self.embed(y, len(z), keep))], dim=1)
        h = self.stem(z).unflatten(1, (-1, 1, self.lengths[0]))
        for grow, length in zip(self.ups, self.lengths[1:], strict=True):
            h = grow(F.relu(h))[..., :length]
        return h.squeeze(2)


class WaveDiscriminator(nn.Module):
    """A wave -> a score: a projection discriminator (Miyato & Koyama 2018, arXiv 1802.05637).

    Args:
        x_spec: the wave.
        y_spec: the condition; <V y, features> is added to the score.
        channels: width after the first quartering of the length; it doubles with each further one.
        max_channels: the largest width.
        shuffle: samples by which phase shuffle moves the features at most, in training.
    """

    def __init__(
        self,
        x_spec: DataSpec,
        y_spec: DataSpec | None = None,
        *,
        channels: int = 64,
        max_channels: int = 1024,
        shuffle: int = 2,
    ) -> None:
        super().__init__()
        sizes = lengths(x_spec.tensor_shape[1])
        widths = [min(channels * 2**level, max_channels) for level in range(len(sizes) - 1)]
        self.downs = nn.ModuleList(
            row_conv(high, low, KERNEL, stride=STRIDE, gain=GAIN) for high, low in pairwise([x_spec.channels, *widths])
        )
        self.shuffle = PhaseShuffle(shuffle)
        self.head = scaled(nn.Linear(widths[-1] * sizes[-1], 1))
        self.embed = Embed(y_spec, CONDITION_DIM)
        self.condition = nn.Linear(CONDITION_DIM, widths[-1], bias=False) if y_spec is not None else None

    def forward(self, x: Tensor, y: Tensor | None = None, keep: Tensor | None = None) -> Tensor:
        """x (B, C, n), y as its spec says, keep bool (B,) -> (B, 1)."""
        h = x.unsqueeze(2)
        for level, shrink in enumerate(self.downs):
            h = F.leaky_relu(shrink(self.shuffle(h) if level else h), SLOPE)
        out = self.head(h.flatten(1))
        if self.condition is None:
            return out
        condition = self.condition(pool(self.embed(y, len(x), keep)))
        return out + (condition * h.mean(dim=(2, 3))).sum(dim=1, keepdim=True)


class PhaseShuffle(nn.Module):
    """Moves features by -radius ... radius places in training, all items alike, with their reflection at the end.

    The number comes from torch's global generator, as dropout's do: training seeds it for every step.
    """

    def __init__(self, radius: int) -> None:
        super().__init__()
        self.radius = radius

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, 1, T) -> the same shape; as it is outside of training."""
        radius = min(self.radius, x.shape[3] - 1)
        if not self.training or radius < 1:
            return x
        start = int(torch.randint(2 * radius + 1, ()))
        return F.pad(x, (radius, radius, 0, 0), mode="reflect")[..., start : start + x.shape[3]]


class WaveUp(nn.Module):
    """A transposed convolution that makes a wave four times as long."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        padding = (KERNEL - STRIDE + 1) // 2
        self.conv = ConvTranspose2d(
            in_channels,
            out_channels,
            (1, KERNEL),
            (1, STRIDE),
            (0, padding),
            output_padding=(0, 2 * padding + STRIDE - KERNEL),
        )
        nn.init.normal_(self.conv.weight, std=GAIN / math.sqrt(in_channels * KERNEL / STRIDE))
        if self.conv.bias is not None:
            nn.init.zeros_(self.conv.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, 1, T) -> (B, C', 1, 4 T)."""
        return self.conv(x)
