"""Denoising of grids of any size, by overlapping tiles of the size that a model learnt.

In each evaluation the data predicted for the tiles are blended, so that there is one prediction for the whole grid;
noise and observations are the whole grid's, too. So tiles agree, and leave no seams. The whole is kept in the memory
of the CPU, and a batch of tiles at a time is on the model's device.

Source: Bar-Tal, Yariv, Lipman and Dekel, "MultiDiffusion: Fusing Diffusion Paths for Controlled Image Generation",
2023 (arXiv:2302.08113).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from zaohua.estimator.denoiser import Denoiser


class Tiles:
    """Overlapping tiles that cover a grid, which begin at every half tile.

    Args:
        shape: lengths of the grid's axes.
        tile: lengths of a tile's axes, which aren't longer.
        offset: how far the first full tile is moved; the grid's margin gets tiles of its own.
        sought: tiles are left out in which none of the grid's places is True, bool (*shape).
    """

    def __init__(
        self, shape: tuple[int, ...], tile: tuple[int, ...], offset: int = 0, sought: Tensor | None = None
    ) -> None:
        self.tile, self.sought = tile, sought
        self.starts = [_starts(n, size, offset) for n, size in zip(shape, tile, strict=True)]
        self.windows = [_windows(n, size, starts) for n, size, starts in zip(shape, tile, self.starts, strict=True)]

    def __len__(self) -> int:
        return sum(1 for _ in self._numbers())

    def __iter__(self) -> Iterator[tuple[tuple[slice, ...], Tensor]]:
        """Yield the place of each tile, and its weights, which add up to 1 wherever no tile is left out."""
        for numbers in self._numbers():
            weights = torch.ones(())
            for axis, number in enumerate(numbers):
                weights = weights[..., None] * self.windows[axis][number]
            yield self._place(numbers), weights

    def _numbers(self) -> Iterator[tuple[int, ...]]:
        """Yield the number of each tile along each axis."""
        for numbers in itertools.product(*(range(len(starts)) for starts in self.starts)):
            if self.sought is None or bool(self.sought[self._place(numbers)].any()):
                yield numbers

    def _place(self, numbers: tuple[int, ...]) -> tuple[slice, ...]:
        """Return the place of a tile."""
        starts = [self.starts[axis][number] for axis, number in enumerate(numbers)]
        return tuple(slice(start, start + size) for start, size in zip(starts, self.tile, strict=True))


def tiled(
    denoiser: Denoiser,
    tile: tuple[int, ...],
    device: torch.device,
    batch_size: int,
    tick: Callable[[], None] = lambda: None,
    offset: int = 0,
    sought: Tensor | None = None,
) -> Denoiser:
    """Return a denoiser of whole grids (1, C, *axes) on the CPU, of any lengths, from that of tiles.

    Grids shorter than a tile are continued by reflection.

    Args:
        denoiser: the model's denoiser, for a batch of tiles.
        tile: lengths of a tile's axes.
        device: where it computes.
        batch_size: number of tiles that are computed at once.
        tick: is called after each batch of tiles.
        offset: moves the tiles, see `Tiles`.
        sought: where the data are needed, bool (*axes); they are 0 in tiles without such places. None: everywhere.
    """
    wanted = _continued_mask(sought, tile)

    def predict(x_t: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        lengths = tuple(x_t.shape[2:])
        whole = continued(x_t[0], tile)
        data = torch.zeros_like(whole)
        tiles = iter(Tiles(tuple(whole.shape[1:]), tile, offset, wanted))
        while batch := list(itertools.islice(tiles, batch_size)):
            cut = torch.stack([whole[:, *place] for place, _ in batch]).to(device)
            for part, (place, weights) in zip(denoiser.predict(cut, t)[0].cpu(), batch, strict=True):
                data[:, *place] += part * weights
            tick()
        data = data[:, *map(slice, lengths)][None]
        alpha, sigma = float(denoiser.schedule.alpha(t)), float(denoiser.schedule.sigma(t))
        e = torch.sub(x_t, data, alpha=alpha)  # in place from here: the grid may be large
        return data, e.div_(sigma) if sigma > 0 else e.zero_()

    return Denoiser(denoiser.schedule, predict, denoiser.times)


def batches(lengths: tuple[int, ...], tile: tuple[int, ...], batch_size: int, sought: Tensor | None = None) -> int:
    """Return how many batches of tiles an evaluation of a grid takes, see `tiled`."""
    longer = tuple(map(max, lengths, tile))
    return math.ceil(len(Tiles(longer, tile, sought=_continued_mask(sought, tile))) / batch_size)


def _continued_mask(mask: Tensor | None, tile: tuple[int, ...]) -> Tensor | None:
    """Continue a mask (*axes) like the grid that it is of."""
    return None if mask is None else continued(mask[None], tile)[0]


def _starts(n: int, size: int, offset: int) -> list[int]:
    """Return where tiles begin on an axis of length n: each half tile, and so that the first and last are inside."""
    step = max(1, size // 2)
    inner = range(offset % step, n - size, step)
    return sorted({0, *inner, n - size})


def _windows(n: int, size: int, starts: list[int]) -> list[Tensor]:
    """Return the weights of tiles along an axis: a raised cosine each (Hann), divided by the sum of all."""
    hann = np.sin(np.pi * (np.arange(size) + 0.5) / size) ** 2
    total = np.zeros(n)
    for start in starts:
        total[start : start + size] += hann
    return [torch.from_numpy((hann / total[start : start + size]).astype(np.float32)) for start in starts]


def continued(x: Tensor, tile: tuple[int, ...]) -> Tensor:
    """Continue a grid (C, *axes) by reflection to at least the size of a tile."""
    for axis, size in enumerate(tile, start=1):
        n = x.shape[axis]
        if n < size:
            period = max(1, 2 * n - 2)
            place = torch.arange(size) % period
            x = x.index_select(axis, torch.minimum(place, period - place).clamp(max=n - 1))
    return x
