"""Convolutional encoder and decoder, used for GAN critics and generators and for VAEs.

`blocks="plain"` is the DCGAN (Radford et al. 2016, arXiv 1511.06434): strided convolutions down, transposed ones up.
`blocks="residual"` with norm "none" is the convnet of R3GAN (Huang et al. 2024, arXiv 2501.05441) with full instead of
grouped convolutions; its residual branches are zero at first, as in Fixup (Zhang et al. 2019, arXiv 1901.09321). All
can be differentiated twice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from zaohua.core.record import Condition
from zaohua.core.spec import DataSpec
from zaohua.nn.convolutions import ConvTranspose2d
from zaohua.nn.embed import Embed
from zaohua.nn.grids import check_axes
from zaohua.nn.layers import Dropout, conv, crop, even, group_norm, pyramid, scaled

Norm = Literal["batch", "group", "none"]
Blocks = Literal["plain", "residual"]
Activation = Literal["leaky_relu", "silu"]

CONDITION_DIM = 128
GAIN = math.sqrt(2.0)


@dataclass(frozen=True)
class Style:
    """Options shared by the layers of a convolutional network; see `ConvEncoder`."""

    kernel_size: int
    norm: Norm
    activation: Activation
    dropout: float
    blocks: Blocks
    depth: int

    def normalise(self, channels: int) -> nn.Module:
        """Return the norm of a layer."""
        if self.norm == "none":
            return nn.Identity()
        return nn.BatchNorm2d(channels) if self.norm == "batch" else group_norm(channels)

    def activate(self) -> nn.Module:
        """Return the activation of a layer."""
        return nn.SiLU() if self.activation == "silu" else nn.LeakyReLU(0.2)

    def stage(self, channels: int, *, norm: bool = True) -> nn.Sequential:
        """Return the layers after a change of resolution: norm and activation, or residual blocks."""
        if self.blocks == "residual":
            return nn.Sequential(*(Residual(channels, self) for _ in range(self.depth)))
        first = self.normalise(channels) if norm else nn.Identity()
        return nn.Sequential(first, self.activate(), Dropout(self.dropout))

    def finish(self, channels: int) -> nn.Module:
        """Return the layers after the last residual block: norm and activation."""
        plain = self.blocks == "plain"
        return nn.Identity() if plain else nn.Sequential(self.normalise(channels), self.activate())


class ConvEncoder(nn.Module):
    """Convolutional network from an image to a vector.

    Args:
        x_spec: description of the image.
        y_spec: description of the condition. With out_dim 1, a critic, the network is a projection discriminator
            (Miyato & Koyama 2018, arXiv 1802.05637): <V y, features> is added to its output. Otherwise y is added to
            the first features.
        out_dim: number of outputs.
        channels: number of channels after the first halving; it doubles with each further one.
        max_channels: maximum number of channels.
        kernel_size: kernel size of the strided convolutions, 3, 4 or 5.
        norm: normalisation between the layers.
        activation: activation between the layers.
        dropout: dropout probability.
        blocks: "plain" for strided convolutions only, or "residual" blocks at every resolution.
        depth: number of residual blocks per resolution.
    """

    def __init__(
        self,
        x_spec: DataSpec,
        y_spec: DataSpec | None = None,
        *,
        out_dim: int,
        channels: int = 64,
        max_channels: int = 256,
        kernel_size: int = 4,
        norm: Norm = "group",
        activation: Activation = "leaky_relu",
        dropout: float = 0.0,
        blocks: Blocks = "plain",
        depth: int = 1,
    ) -> None:
        super().__init__()
        check_axes("a convolutional encoder", x_spec, 2)
        style = Style(kernel_size, norm, activation, dropout, blocks, depth)
        sizes = pyramid(x_spec.tensor_shape[1:], smallest=4, least=2)
        widths = [min(channels * 2**level, max_channels) for level in range(max(len(sizes) - 1, 1))]
        self.stem = Down(x_spec.channels, widths[0], kernel_size)
        self.first = style.stage(widths[0], norm=False)
        self.downs = nn.ModuleList(down(high, low, style) for high, low in pairwise(widths))
        self.stages = nn.ModuleList(style.stage(width) for width in widths[1:])
        self.last = style.finish(widths[-1])
        self.head = scaled(nn.Linear(widths[-1] * math.prod(sizes[-1]), out_dim))
        self.is_critic = out_dim == 1
        self.embed = Embed(y_spec, CONDITION_DIM)
        target = widths[-1] if self.is_critic else widths[0]
        self.condition = nn.Linear(CONDITION_DIM, target, bias=False) if y_spec is not None else None

    def forward(self, x: Tensor, y: Condition | None = None, keep: Tensor | None = None) -> Tensor:
        """Map x (B, C, H, W), conditions y and the mask keep (B,) to (B, out_dim)."""
        condition = None if self.condition is None else self.condition(self.embed(y, x.shape[0], keep).summary)
        h = self.stem(x)
        if condition is not None and not self.is_critic:
            h = h + condition[:, :, None, None]
        h = self.first(h)
        for shrink, stage in zip(self.downs, self.stages, strict=True):
            h = stage(shrink(h))
        h = self.last(h)
        out: Tensor = self.head(h.flatten(1))
        if condition is not None and self.is_critic:
            out = out + (condition * h.mean(dim=(2, 3))).sum(dim=1, keepdim=True)
        return out


class ConvDecoder(nn.Module):
    """Convolutional network from a vector to an image with unbounded values; squashing is up to the objective.

    Args:
        x_spec: description of the image.
        y_spec: description of the condition, which is appended to the vector.
        in_dim: length of the vector.
        out_channels: channels of the output; None for those of x.
        channels: number of channels at half the resolution; it doubles with each lower one.
        max_channels: maximum number of channels.
        kernel_size: kernel size of the transposed convolutions, 3, 4 or 5.
        norm: normalisation between the layers.
        activation: activation between the layers.
        dropout: dropout probability.
        blocks: "plain" for transposed convolutions only, or "residual" blocks at every resolution.
        depth: number of residual blocks per resolution.
        base: number of further convolutions at the lowest resolution (plain).
    """

    def __init__(
        self,
        x_spec: DataSpec,
        y_spec: DataSpec | None = None,
        *,
        in_dim: int,
        out_channels: int | None = None,
        channels: int = 64,
        max_channels: int = 256,
        kernel_size: int = 4,
        norm: Norm = "group",
        activation: Activation = "leaky_relu",
        dropout: float = 0.0,
        blocks: Blocks = "plain",
        depth: int = 1,
        base: int = 0,
    ) -> None:
        super().__init__()
        check_axes("a convolutional decoder", x_spec, 2)
        style = Style(kernel_size, norm, activation, dropout, blocks, depth)
        self.sizes = pyramid(x_spec.tensor_shape[1:], smallest=7, least=2)[::-1]
        widths = [min(channels * 2**level, max_channels) for level in range(max(len(self.sizes) - 1, 1))][::-1]
        self.embed = Embed(y_spec, CONDITION_DIM)
        total = in_dim + (CONDITION_DIM if y_spec is not None else 0)
        self.stem = scaled(nn.Linear(total, widths[0] * math.prod(self.sizes[0])))
        side = kernel_size - 1 + kernel_size % 2  # an even kernel would change the size
        self.first = style.stage(widths[0])
        for _ in range(base):
            self.first.extend([conv(widths[0], widths[0], side, gain=GAIN), *style.stage(widths[0])])
        self.ups = nn.ModuleList(up(low, high, style) for low, high in pairwise(widths))
        self.stages = nn.ModuleList(style.stage(width) for width in widths[1:])
        self.last = style.finish(widths[-1])
        out_channels = out_channels or x_spec.channels
        enlarged = len(self.sizes) > 1
        self.head = Up(widths[-1], out_channels, kernel_size) if enlarged else conv(widths[-1], out_channels, 3)

    def forward(self, z: Tensor, y: Condition | None = None, keep: Tensor | None = None) -> Tensor:
        """Map z (B, in_dim), conditions y and the mask keep (B,) to (B, out, H, W)."""
        if self.embed.spec is not None:
            z = torch.cat([z, self.embed(y, z.shape[0], keep).summary], dim=1)
        h = self.first(self.stem(z).unflatten(1, (-1, *self.sizes[0])))
        for grow, stage, size in zip(self.ups, self.stages, self.sizes[1:], strict=False):
            h = stage(crop(grow(h), size))
        return crop(self.head(self.last(h)), self.sizes[-1])


class Residual(nn.Module):
    """Residual block: norm, activation and 3x3 convolution, twice; the identity at first."""

    def __init__(self, channels: int, style: Style) -> None:
        super().__init__()
        self.body = nn.Sequential(
            style.normalise(channels),
            style.activate(),
            conv(channels, channels, 3, gain=GAIN),
            style.normalise(channels),
            style.activate(),
            Dropout(style.dropout),
            conv(channels, channels, 3, gain=0.0),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        out: Tensor = x + self.body(x)
        return out


class Down(nn.Module):
    """Convolution of stride 2 that rounds sizes up."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int) -> None:
        super().__init__()
        self.conv = conv(in_channels, out_channels, kernel_size, stride=2, gain=GAIN)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C', H / 2, W / 2)."""
        out: Tensor = self.conv(even(x))
        return out


class Up(nn.Module):
    """Transposed convolution of stride 2."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int) -> None:
        super().__init__()
        padding = (kernel_size - 1) // 2
        self.conv = ConvTranspose2d(
            in_channels, out_channels, kernel_size, stride=2, padding=padding, output_padding=kernel_size % 2
        )
        nn.init.normal_(self.conv.weight, std=GAIN / math.sqrt(in_channels * kernel_size**2 / 4))
        if self.conv.bias is not None:
            nn.init.zeros_(self.conv.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C', 2 H, 2 W)."""
        out: Tensor = self.conv(x)
        return out


def down(in_channels: int, out_channels: int, style: Style) -> nn.Module:
    """Return layers that halve the resolution: a strided convolution, or (residual) average pooling and a 1x1 one."""
    if style.blocks == "plain":
        return Down(in_channels, out_channels, style.kernel_size)
    return nn.Sequential(nn.AvgPool2d(2, ceil_mode=True), conv(in_channels, out_channels, 1))


def up(in_channels: int, out_channels: int, style: Style) -> nn.Module:
    """Return layers that double the resolution: a transposed convolution, or (residual) a 1x1 one and upsampling."""
    if style.blocks == "plain":
        return Up(in_channels, out_channels, style.kernel_size)
    return nn.Sequential(conv(in_channels, out_channels, 1), nn.Upsample(scale_factor=2.0, mode="bilinear"))
