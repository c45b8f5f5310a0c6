"""Gated PixelCNN: outputs for a pixel depend on all pixels before it; with caches for sampling pixel by pixel.

It has two stacks of convolutions. The vertical stack sees the rows above a pixel; the horizontal stack sees the pixels
to its left and the features of the vertical stack. A single stack of masked convolutions would have a blind spot above
and to the right.

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

from zaohua.core.record import Condition
from zaohua.core.spec import DataSpec
from zaohua.nn.embed import Embed
from zaohua.nn.layers import Dropout, scaled


def gate(z: Tensor) -> Tensor:
    """Compute the gate tanh(a / 2) sigmoid(b) / 2 of the halves a, b of z (..., 2 width), (..., width).

    As tanh(a / 2) / 2 = sigmoid(a) - 1 / 2, one contiguous pass over z suffices, in a fifth of the time.
    """
    a, b = torch.sigmoid(z).chunk(2, dim=-1)
    return (a - 0.5) * b


def convolve(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """Convolve x (n, H, W, width) with padding on all sides, and crop the output to the size of x."""
    out: Tensor = conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    return out[:, : x.shape[1], : x.shape[2]]


Context = tuple[Tensor, Tensor] | None
"""Contributions of the condition to the vertical and the horizontal stack of a layer, (n, 1, 1, 2 width) each."""


class GatedBlock(nn.Module):
    """Gated layer of both stacks.

    Args:
        width: number of channels of each stack.
        kernel_size: odd kernel size; a layer sees half of it up, left and (in the rows above) right.
        dilation: dilation of the convolutions.
        dropout: dropout probability.
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
        """Map the features of both stacks, (n, H, W, width) each, and the condition to the next features."""
        v = v + gate(_add_context(convolve(self.vertical, v), context, 0))
        z = convolve(self.horizontal, h) + self.link(v)
        return v, h + self.out(self.drop(gate(_add_context(z, context, 1))))

    def row(self, window: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        """Compute the vertical stack for one row.

        Args:
            window: its input features in the rows r - reach ... r, (n, reach + 1, W, width).
            context: contribution of the condition.

        Returns:
            The output features of row r, (n, 1, W, width), and their contribution to the horizontal stack,
            (W, n, 2 width).
        """
        z = F.conv2d(
            window.permute(0, 3, 1, 2),
            self.vertical.weight,
            self.vertical.bias,
            padding=(0, self.reach),
            dilation=self.dilation,
        ).permute(0, 2, 3, 1)
        v = window[:, -1:] + gate(_add_context(z, context, 0))
        link = _add_context(self.link(v) + self.horizontal.bias, context, 1)
        return v, link[:, 0].transpose(0, 1).contiguous()

    def matrices(self) -> tuple[Tensor, Tensor]:
        """Return the horizontal convolution as a matrix (kernel * width, 2 width), and that of `out` (width, width)."""
        horizontal = self.horizontal.weight[:, :, 0].permute(2, 1, 0).flatten(0, 1)
        return horizontal.contiguous(), self.out.weight.T.contiguous()

    def pixel(self, h: Tensor, left: Tensor, link: Tensor, matrices: tuple[Tensor, Tensor]) -> Tensor:
        """Compute the horizontal stack for one pixel.

        Args:
            h: its input features in column c, (n, width).
            left: its input features in the columns c - reach ... c, (n, reach + 1, width).
            link: contribution of the vertical stack in column c, (n, 2 width).
            matrices: the result of `matrices`.

        Returns:
            The output features of column c, (n, width).
        """
        z = torch.addmm(link, left[:, :: self.dilation].flatten(1), matrices[0])
        return torch.addmm(h, gate(z), matrices[1])


def _add_context(z: Tensor, context: Context, stack: int) -> Tensor:
    return z if context is None else z + context[stack]


@dataclass
class SamplingState:
    """State of sequential sampling: the pixels sampled so far, and the features that the next ones depend on.

    The lists have one entry per block.

    Attributes:
        count: number of steps taken.
        x: the pixels (n, margin + H, margin + W, C), zeros above the first row and left of the first column.
        context: contributions of the condition.
        above: input features of the last rows, (n, reach + 1, W, width), zeros above the first row.
        links: contributions of the vertical stack in this row, (W, n, 2 width).
        left: input features of this row, (n, reach + W, width), zeros to the left of the first column.
        matrices: the horizontal convolutions as matrices.
    """

    count: int
    x: Tensor
    context: list[Context]
    above: list[Tensor]
    links: list[Tensor]
    left: list[Tensor]
    matrices: list[tuple[Tensor, Tensor]]


class GatedPixelCNN(nn.Module):
    """Autoregressive network: parameters of each pixel's distribution given the pixels before it, in raster order.

    Args:
        x_spec: description of the image.
        y_spec: description of the condition, which biases every layer.
        out_channels: number of outputs per pixel.
        width: number of channels of each of the two stacks.
        layers: number of gated layers after the first layer.
        first_size: odd kernel size of the first layer.
        kernel_size: odd kernel size of the gated layers.
        dilation_cycle: dilations are 1, 2, 4 ..., reset to 1 after this many layers.
        dropout: dropout probability.
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

    def forward(self, x: Tensor, y: Condition | None = None, keep: Tensor | None = None) -> Tensor:
        """Map x (B, C, H, W), conditions y and the mask keep (B,) to (B, out_channels, H, W)."""
        x = x.permute(0, 2, 3, 1)
        above, left = self.places.unflatten(1, x.shape[1:3])
        v, h = convolve(self.above, x) + above, convolve(self.left, x) + left
        for block, context in zip(self.blocks, self._context(y, x.shape[0], keep), strict=True):
            v, h = block(v, h, context)
        out: Tensor = self.head(h).permute(0, 3, 1, 2)
        return out

    def _context(self, y: Condition | None, n: int, keep: Tensor | None) -> list[Context]:
        """Return the contributions of the condition to each block."""
        if self.condition is None:
            return [None] * len(self.blocks)
        parts = self.condition(self.embed(y, n, keep).summary).view(n, 1, 1, -1).chunk(2 * len(self.blocks), dim=-1)
        return list(zip(parts[::2], parts[1::2], strict=True))

    @property
    def _gated(self) -> list[GatedBlock]:
        return cast("list[GatedBlock]", self.blocks)

    # ---- pixel by pixel

    def start(self, n: int, y: Condition | None = None, keep: Tensor | None = None) -> SamplingState:
        """Return the initial state for n images, before the first pixel."""
        channels, height, columns = self.size
        zeros, margin = self.places.new_zeros, self.margin
        return SamplingState(
            0,
            zeros(n, margin + height, margin + columns, channels),
            self._context(y, n, keep),
            [zeros(n, block.reach + 1, columns, self.width) for block in self._gated],
            [zeros(0)] * len(self.blocks),
            [zeros(n, block.reach + columns, self.width) for block in self._gated],
            [block.matrices() for block in self._gated],
        )

    def step(self, values: Tensor, state: SamplingState) -> Tensor:
        """Add the last pixel (n, C), or none (n, 0) at first; return outputs for the next one, (n, out_channels)."""
        columns, margin = self.size[2], self.margin
        if values.shape[1]:
            row, column = divmod(state.count - 1, columns)
            state.x[:, margin + row, margin + column] = values
        row, column = divmod(state.count, columns)
        if column == 0:
            self._begin_row(row, state)
        state.count += 1
        window = state.x[:, margin + row, column : column + margin].transpose(1, 2)  # channels first, like the weights
        h = F.linear(window.flatten(1), self.left.weight.flatten(1), self.left.bias) + self.places[1, state.count - 1]
        for block, left, link, matrices in zip(self._gated, state.left, state.links, state.matrices, strict=True):
            left[:, column + block.reach] = h
            h = block.pixel(h, left[:, column : column + block.reach + 1], link[column], matrices)
        out: Tensor = self.head(h)
        return out

    @staticmethod
    def select(state: SamplingState, rows: Tensor) -> None:
        """Replace each row of the state by that at its index in `rows`, (B,), which has the same condition."""
        state.x = state.x[rows]
        state.above = [features[rows] for features in state.above]
        state.links = [links[:, rows] for links in state.links]
        state.left = [features[rows] for features in state.left]

    def _begin_row(self, row: int, state: SamplingState) -> None:
        """Compute the contributions of the rows above; called once per row."""
        window = state.x[:, row : row + self.margin, self.margin :].permute(0, 3, 1, 2)
        v = F.conv2d(window, self.above.weight, self.above.bias, padding=(0, self.margin)).permute(0, 2, 3, 1)
        v = v + self.places[0].unflatten(0, self.size[1:])[row]
        for i, (block, context) in enumerate(zip(self._gated, state.context, strict=True)):
            state.above[i] = torch.cat([state.above[i][:, 1:], v], dim=1)
            v, state.links[i] = block.row(state.above[i], context)
            state.left[i].zero_()
