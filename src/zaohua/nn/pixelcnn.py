"""The gated PixelCNN: features of a pixel from all pixels before it, with caches for making pictures pixel by pixel.

Two stacks of convolutions: the vertical one sees the rows above a pixel, the horizontal one the pixels to its left and
what the vertical one found; a single stack of masked convolutions would be blind to what is above and to the right.

Sources: van den Oord et al., "Conditional Image Generation with PixelCNN Decoders", 2016 (arXiv:1606.05328); the gate
and the width of the head as in Salimans et al., "PixelCNN++", 2017 (arXiv:1701.05517); the caches from Ramachandran et
al., "Fast Generation for Convolutional Autoregressive Models", 2017 (arXiv:1704.06001).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.core.spec import DataSpec
from zaohua.nn.embed import Embed, pool
from zaohua.nn.layers import Dropout, scaled


def gate(z: Tensor) -> Tensor:
    """tanh(a / 2) sigmoid(b) / 2 of the two halves of z (..., 2 width) -> (..., width).

    tanh(a / 2) / 2 is sigmoid(a) - 1 / 2: one pass over all of z, in one piece, for a fifth of the time of two halves.
    """
    a, b = torch.sigmoid(z).chunk(2, dim=-1)
    return (a - 0.5) * b


def convolved(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """A convolution of x (n, H, W, width) that is padded on all sides, without the rows and columns beyond x's own."""
    out = conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    return out[:, : x.shape[1], : x.shape[2]]


Context = tuple[Tensor, Tensor] | None
"""What the condition adds in a layer to the vertical and to the horizontal stack, (n, 1, 1, 2 width) each."""


class GatedBlock(nn.Module):
    """One layer of both stacks.

    Args:
        width: channels of each stack.
        kernel_size: odd; a layer looks as far as half of it up, left and (in the rows above) right.
        dilation: distance between the places it looks at.
        dropout: probability with which a unit is dropped.
    """

    def __init__(self, width: int, kernel_size: int, dilation: int, dropout: float) -> None:
        super().__init__()
        half = kernel_size // 2
        self.dilation, self.reach = dilation, half * dilation
        self.vertical = scaled(
            nn.Conv2d(width, 2 * width, (half + 1, kernel_size), dilation=dilation, padding=(self.reach, self.reach))
        )
        self.horizontal = scaled(nn.Conv2d(width, 2 * width, (1, half + 1), dilation=dilation, padding=(0, self.reach)))
        self.link = scaled(nn.Linear(width, 2 * width))
        self.out = scaled(nn.Linear(width, width, bias=False), gain=0.0)
        self.drop = Dropout(dropout)

    def forward(self, v: Tensor, h: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        """Features (n, H, W, width) of both stacks and what the condition adds -> the next features."""
        v = v + gate(_plus(convolved(self.vertical, v), context, 0))
        z = convolved(self.horizontal, h) + self.link(v)
        return v, h + self.out(self.drop(gate(_plus(z, context, 1))))

    def row(self, seen: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        """What the vertical stack makes of one row.

        Args:
            seen: its features in the rows r - reach ... r, (n, reach + 1, W, width).
            context: what the condition adds.

        Returns:
            The next features of row r, (n, 1, W, width), and what they add to the horizontal stack, (W, n, 2 width).
        """
        z = F.conv2d(
            seen.permute(0, 3, 1, 2),
            self.vertical.weight,
            self.vertical.bias,
            padding=(0, self.reach),
            dilation=self.dilation,
        ).permute(0, 2, 3, 1)
        v = seen[:, -1:] + gate(_plus(z, context, 0))
        link = _plus(self.link(v) + self.horizontal.bias, context, 1)
        return v, link[:, 0].transpose(0, 1).contiguous()

    def taps(self) -> tuple[Tensor, Tensor]:
        """The horizontal convolution as a matrix (taps * width, 2 width), and that of `out` (width, width)."""
        horizontal = self.horizontal.weight[:, :, 0].permute(2, 1, 0).flatten(0, 1)
        return horizontal.contiguous(), self.out.weight.T.contiguous()

    def pixel(self, h: Tensor, left: Tensor, link: Tensor, taps: tuple[Tensor, Tensor]) -> Tensor:
        """What the horizontal stack makes of one pixel.

        Args:
            h: its features in column c, (n, width).
            left: those in the columns c - reach ... c, (n, reach + 1, width).
            link: what the rows above add in column c, (n, 2 width).
            taps: see there.

        Returns:
            The next features of column c, (n, width).
        """
        z = torch.addmm(link, left[:, :: self.dilation].flatten(1), taps[0])
        return torch.addmm(h, gate(z), taps[1])


def _plus(z: Tensor, context: Context, stack: int) -> Tensor:
    return z if context is None else z + context[stack]


@dataclass
class Receptive:
    """A picture of which `made` pixels are there, and the features that the next ones depend on.

    Attributes:
        made: pixels whose successor was asked for.
        x: the pixels (n, margin + H, margin + W, C), zeros above the first row and left of the first column.
        context: of each block.
        above: of each block, the last rows of what it gets, (n, reach + 1, W, width), zeros above the first row.
        links: of each block, what the rows above add in this row, (W, n, 2 width).
        left: of each block, what it gets in this row, (n, reach + W, width), zeros to the left of the first column.
        taps: of each block, see there.
    """

    made: int
    x: Tensor
    context: list[Context]
    above: list[Tensor]
    links: list[Tensor]
    left: list[Tensor]
    taps: list[tuple[Tensor, Tensor]]


class GatedPixelCNN(nn.Module):
    """Numbers for every pixel from those before it in raster order: parameters of its distribution.

    Args:
        x_spec: the picture.
        y_spec: the condition, which biases every layer.
        out_channels: numbers for each pixel.
        width: channels of each of the two stacks.
        layers: gated layers behind the first one.
        first_size: size of the first layer's kernel, odd.
        kernel_size: of the others, odd.
        dilation_cycle: gated layers look 1, 2, 4 ... pixels far, and from 1 again after so many.
        dropout: probability with which a unit is dropped.
    """

    def __init__(
        self,
        x_spec: DataSpec,
        y_spec: DataSpec | None = None,
        *,
        out_channels: int,
        width: int = 32,
        layers: int = 8,
        first_size: int = 7,
        kernel_size: int = 3,
        dilation_cycle: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        channels, height, columns = x_spec.tensor_shape
        margin = first_size // 2
        self.width, self.margin, self.size = width, margin, (channels, height, columns)
        self.above = scaled(nn.Conv2d(channels, width, (margin, first_size), padding=(margin, margin)))
        self.left = scaled(nn.Conv2d(channels, width, (1, margin), padding=(0, margin)))
        self.places = nn.Parameter(torch.zeros(2, height * columns, width))
        self.blocks = nn.ModuleList(
            GatedBlock(width, kernel_size, 2 ** (i % dilation_cycle), dropout) for i in range(layers)
        )
        self.head = nn.Sequential(
            nn.ReLU(),
            scaled(nn.Linear(width, 2 * width), 2**0.5),
            nn.ReLU(),
            scaled(nn.Linear(2 * width, out_channels), gain=0.0),
        )
        self.embed = Embed(y_spec, 4 * width)
        self.condition = None if y_spec is None else nn.Linear(4 * width, layers * 4 * width, bias=False)

    def forward(self, x: Tensor, y: Tensor | None = None, keep: Tensor | None = None) -> Tensor:
        """x (B, C, H, W), y as its spec says, keep bool (B,) -> (B, out_channels, H, W)."""
        x = x.permute(0, 2, 3, 1)
        above, left = self.places.unflatten(1, x.shape[1:3])
        v, h = convolved(self.above, x) + above, convolved(self.left, x) + left
        for block, context in zip(self.blocks, self._context(y, len(x), keep), strict=True):
            v, h = block(v, h, context)
        return self.head(h).permute(0, 3, 1, 2)

    def _context(self, y: Tensor | None, n: int, keep: Tensor | None) -> list[Context]:
        """What the condition adds in each block."""
        if self.condition is None:
            return [None] * len(self.blocks)
        parts = self.condition(pool(self.embed(y, n, keep))).view(n, 1, 1, -1).chunk(2 * len(self.blocks), dim=-1)
        return list(zip(parts[::2], parts[1::2], strict=True))

    @property
    def _gated(self) -> list[GatedBlock]:
        return cast("list[GatedBlock]", self.blocks)

    # ---- pixel by pixel

    def start(self, n: int, y: Tensor | None = None, keep: Tensor | None = None) -> Receptive:
        """n pictures without any pixel."""
        channels, height, columns = self.size
        zeros, margin = self.places.new_zeros, self.margin
        return Receptive(
            0,
            zeros(n, margin + height, margin + columns, channels),
            self._context(y, n, keep),
            [zeros(n, block.reach + 1, columns, self.width) for block in self._gated],
            [zeros(0)] * len(self.blocks),
            [zeros(n, block.reach + columns, self.width) for block in self._gated],
            [block.taps() for block in self._gated],
        )

    def step(self, values: Tensor, state: Receptive) -> Tensor:
        """The values of the last pixel (n, C), none (n, 0) at first -> numbers for the next one, (n, out_channels)."""
        columns, margin = self.size[2], self.margin
        if values.shape[1]:
            row, column = divmod(state.made - 1, columns)
            state.x[:, margin + row, margin + column] = values
        row, column = divmod(state.made, columns)
        if column == 0:
            self._begin_row(row, state)
        state.made += 1
        window = state.x[:, margin + row, column : column + margin].transpose(1, 2)  # channels first, as weights are
        h = F.linear(window.flatten(1), self.left.weight.flatten(1), self.left.bias) + self.places[1, state.made - 1]
        for block, left, link, taps in zip(self._gated, state.left, state.links, state.taps, strict=True):
            left[:, column + block.reach] = h
            h = block.pixel(h, left[:, column : column + block.reach + 1], link[column], taps)
        return self.head(h)

    def _begin_row(self, row: int, state: Receptive) -> None:
        """Everything that the rows above say about this one; once for each row."""
        window = state.x[:, row : row + self.margin, self.margin :].permute(0, 3, 1, 2)
        v = F.conv2d(window, self.above.weight, self.above.bias, padding=(0, self.margin)).permute(0, 2, 3, 1)
        v = v + self.places[0].unflatten(0, self.size[1:])[row]
        for i, (block, context) in enumerate(zip(self._gated, state.context, strict=True)):
            state.above[i] = torch.cat([state.above[i][:, 1:], v], dim=1)
            v, state.links[i] = block.row(state.above[i], context)
            state.left[i].zero_()
