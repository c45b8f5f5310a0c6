"""Generator and discriminator of WaveGAN (Donahue et al. 2018, arXiv 1802.04208).

They are one-dimensional versions of DCGAN's: kernels of 25 samples and strides of 4 instead of 5 x 5 pixels and strides
of 2, and no norm. Transposed convolutions produce an artefact, a tone of constant phase. *Phase shuffle* shifts the
discriminator's features by a few samples at random, so that it can't recognise samples by that phase. Both can be
differentiated twice.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.core.record import Condition
from zaohua.core.spec import DataSpec
from zaohua.nn.convolutions import ConvTranspose2d
from zaohua.nn.embed import Embed
from zaohua.nn.layers import row_conv, scaled

KERNEL = 25
STRIDE = 4
SHORTEST = 32
"""Maximum length at the lowest resolution, in samples."""
SLOPE = 0.2
CONDITION_DIM = 128
GAIN = math.sqrt(2.0)


def lengths(samples: int) -> list[int]:
    """Return the waveform's length and its successive quarters, rounded up, such as 8192 ... 32; at least two."""
    sizes = [samples, math.ceil(samples / STRIDE)]
    while sizes[-1] > SHORTEST:
        sizes.append(math.ceil(sizes[-1] / STRIDE))
    return sizes


class WaveGenerator(nn.Module):
    """Network from a vector to a waveform with unbounded values; squashing is up to the objective.

    Args:
        x_spec: description of the waveform.
        y_spec: description of the condition, which is appended to the vector.
        in_dim: length of the vector.
        channels: number of channels at a quarter of the length; it doubles with each further quartering.
        max_channels: maximum number of channels.
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

    def forward(self, z: Tensor, y: Condition | None = None, keep: Tensor | None = None) -> Tensor:
        """Map z (B, in_dim), conditions y and the mask keep (B,) to (B, C, n)."""
        if self.embed.spec is not None:
            z = torch.cat([z, self.embed(y, z.shape[0], keep).summary], dim=1)
        h = self.stem(z).unflatten(1, (-1, 1, self.lengths[0]))
        for grow, length in zip(self.ups, self.lengths[1:], strict=True):
            h = grow(F.relu(h))[..., :length]
        out: Tensor = h.squeeze(2)
        return out


class WaveDiscriminator(nn.Module):
    """Projection discriminator of waveforms (Miyato & Koyama 2018, arXiv 1802.05637).

    Args:
        x_spec: description of the waveform.
        y_spec: description of the condition; <V y, features> is added to the score.
        channels: number of channels after the first quartering of the length; it doubles with each further one.
        max_channels: maximum number of channels.
        shuffle: maximum shift of phase shuffle in training, in samples.
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

    def forward(self, x: Tensor, y: Condition | None = None, keep: Tensor | None = None) -> Tensor:
        """Map x (B, C, n), conditions y and the mask keep (B,) to scores (B, 1)."""
        h = x.unsqueeze(2)
        for level, shrink in enumerate(self.downs):
            h = F.leaky_relu(shrink(self.shuffle(h) if level else h), SLOPE)
        out: Tensor = self.head(h.flatten(1))
        if self.condition is None:
            return out
        condition = self.condition(self.embed(y, x.shape[0], keep).summary)
        out = out + (condition * h.mean(dim=(2, 3))).sum(dim=1, keepdim=True)
        return out


class PhaseShuffle(nn.Module):
    """Random shift of features by -radius ... radius in training, equal for all items, with reflection padding.

    The shift is drawn from torch's global generator, as dropout masks are; training seeds it in every step.
    """

    def __init__(self, radius: int) -> None:
        super().__init__()
        self.radius = radius

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, 1, T) to the same shape; the identity outside of training."""
        radius = min(self.radius, x.shape[3] - 1)
        if not self.training or radius < 1:
            return x
        start = int(torch.randint(2 * radius + 1, ()))
        return F.pad(x, (radius, radius, 0, 0), mode="reflect")[..., start : start + x.shape[3]]


class WaveUp(nn.Module):
    """Transposed convolution that quadruples the length."""

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
        """Map (B, C, 1, T) to (B, C', 1, 4 T)."""
        out: Tensor = self.conv(x)
        return out
