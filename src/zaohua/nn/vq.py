"""Networks of a VQ-VAE: encoder from images to a coarse grid of vectors, decoder and codebook."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from zaohua.core.spec import DataSpec
from zaohua.nn.convnet import Down, Style, Up, down, up
from zaohua.nn.grids import check_axes
from zaohua.nn.layers import conv, crop


def grid_sizes(spec: DataSpec, halvings: int) -> list[tuple[int, int]]:
    """Sizes from the picture's own downwards, each half of the one before, rounded up.

    Raises:
        ZaohuaError: the item isn't a picture.
    """
    check_axes("the convolutional autoencoder of VQVAE", spec, 2)
    height, width = spec.tensor_shape[1:]
    return [(-(-height // 2**i), -(-width // 2**i)) for i in range(halvings + 1)]


def _widths(channels: int, max_channels: int, halvings: int) -> list[int]:
    return [min(channels * 2**i, max_channels) for i in range(halvings)]


def _style(depth: int) -> Style:
    return Style(kernel_size=4, norm="group", activation="silu", dropout=0.0, blocks="residual", depth=depth)


class GridEncoder(nn.Module):
    """Convolutional encoder from an image to a grid of vectors.

    Args:
        spec: description of the image.
        dim: length of a vector.
        halvings: number of halvings of the resolution, at least 1.
        channels: number of channels after the first halving; it doubles with each further one.
        max_channels: maximum number of channels.
        depth: number of residual blocks per resolution.
    """

    def __init__(
        self, spec: DataSpec, *, dim: int, halvings: int, channels: int, max_channels: int = 256, depth: int = 1
    ) -> None:
        super().__init__()
        style, widths = _style(depth), _widths(channels, max_channels, halvings)
        layers: list[nn.Module] = [Down(spec.channels, widths[0], 4), style.stage(widths[0])]
        for high, low in pairwise(widths):
            layers += [down(high, low, style), style.stage(low)]
        self.layers = nn.Sequential(*layers, style.finish(widths[-1]), conv(widths[-1], dim, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, dim, h, w)."""
        out: Tensor = self.layers(x)
        return out


class GridDecoder(nn.Module):
    """Convolutional decoder from a grid of vectors to outputs per pixel; the mirror image of `GridEncoder`.

    Args:
        spec: description of the image.
        out_channels: number of outputs per pixel.
        dim, halvings, channels, max_channels, depth: as in `GridEncoder`.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        out_channels: int,
        dim: int,
        halvings: int,
        channels: int,
        max_channels: int = 256,
        depth: int = 1,
    ) -> None:
        super().__init__()
        style, widths = _style(depth), _widths(channels, max_channels, halvings)[::-1]
        self.sizes = grid_sizes(spec, halvings)[::-1]
        self.first = nn.Sequential(conv(dim, widths[0], 3), style.stage(widths[0]))
        self.ups = nn.ModuleList(up(low, high, style) for low, high in pairwise(widths))
        self.stages = nn.ModuleList(style.stage(width) for width in widths[1:])
        self.last = nn.Sequential(style.finish(widths[-1]), Up(widths[-1], out_channels, 4))

    def forward(self, z: Tensor) -> Tensor:
        """Map (B, dim, h, w) to (B, out_channels, H, W)."""
        h = self.first(z)
        for grow, stage, size in zip(self.ups, self.stages, self.sizes[1:], strict=False):
            h = stage(crop(grow(h), size))
        return crop(self.last(h), self.sizes[-1])


class Codebook(nn.Module):
    """Codebook of fixed random vectors, transformed by one learnt matrix.

    A gradient step for any vector moves all of them, so no code becomes unused and no restarts are needed.

    Args:
        size: number of vectors.
        dim: length of a vector.

    Source: Zhu et al., "Addressing Representation Collapse in Vector Quantized Models with One Linear Layer", 2024
    (arXiv:2411.02038).
    """

    base: Tensor

    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("base", torch.randn(size, dim))
        self.turn = nn.Parameter(torch.eye(dim))

    def nearest(self, z: Tensor) -> Tensor:
        """Return the indices of the nearest codebook vectors to (B, dim, h, w), int64 (B, h, w)."""
        with torch.autocast(z.device.type, enabled=False):  # distances are differences of large numbers
            vectors, z = self.base @ self.turn, z.float()
            scores = torch.einsum("bdhw,kd->bkhw", z, vectors) - vectors.square().sum(1).view(-1, 1, 1) / 2
        return scores.argmax(1)

    def forward(self, codes: Tensor) -> Tensor:
        """Look up the vectors of indices (B, h, w), float32 (B, dim, h, w)."""
        with torch.autocast(codes.device.type, enabled=False):
            return (self.base[codes] @ self.turn).permute(0, 3, 1, 2)
