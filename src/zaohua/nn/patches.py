"""Series, pictures and voxels as few tokens."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.core.errors import ZaohuaError
from zaohua.core.spec import DataSpec
from zaohua.nn.convolutions import Conv2d, Conv3d

MAX_TOKENS = 64
"""Number of tokens that a picture or sound becomes at most, and that precede the sequence in a transformer."""


class Patches(nn.Module):
    """Series, pictures and voxels as at most 64 cells: a strided convolution.

    A sound, or any series, is a picture one row high. Where sizes differ from item to item, the strides are 256
    samples, 16 pixels or 8 voxels, and what is still too long is averaged down.
    """

    def __init__(self, spec: DataSpec, dim: int) -> None:
        super().__init__()
        if not 1 <= len(spec.axes) <= 3:
            raise ZaohuaError(
                f"a condition of real numbers has 3 axes at most, not {len(spec.axes)} ({', '.join(spec.axes)})"
            )
        n, row = len(spec.axes), (1,) if len(spec.axes) == 1 else ()
        limit, stride = round(MAX_TOKENS ** (1 / n)), {1: 256, 2: 16, 3: 8}[n]
        strides = [stride] * n if spec.shape is None else [math.ceil(side / limit) for side in spec.shape]
        self.limits = (*row, *[limit] * n)
        self.cut: nn.Conv2d | nn.Conv3d = (Conv3d if n == 3 else Conv2d)(
            spec.channels, dim, (*row, *strides), (*row, *strides)
        )

    def forward(self, y: Tensor) -> Tensor:
        """(n, C, *sides) -> (n, *cells, dim), where the cells of a series are in one row: (n, 1, cells, dim)."""
        h = y.unsqueeze(2) if y.ndim == 3 else y
        missing = [-side % step for side, step in zip(h.shape[2:], self.cut.stride, strict=True)]
        h = self.cut(F.pad(h, [n for end in reversed(missing) for n in (0, end)]))
        cells = [min(side, limit) for side, limit in zip(h.shape[2:], self.limits, strict=True)]
        shrink: Callable[..., Tensor] = F.adaptive_avg_pool3d if len(cells) == 3 else F.adaptive_avg_pool2d
        return shrink(h, cells).movedim(1, -1)
