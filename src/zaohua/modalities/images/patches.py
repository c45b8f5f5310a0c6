"""Patches of pictures larger than what is learnt: training draws one anew each time.

A code is a window of a picture, and `cut` takes a patch from it: at random in training, else at its centre. The places
where a patch may begin are divided evenly among the windows of a picture, at most as many each way as the patch is
long, so that all are drawn nearly equally often. A window is filled up to one size with what is no pixel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.modalities.base import Indices
from zaohua.modalities.files.codes import FileCodes
from zaohua.modalities.files.items import FileItems
from zaohua.modalities.images.files import Form, ImageFiles, room
from zaohua.modalities.images.opening import Source, name_of, reason
from zaohua.modalities.images.pixels import COUNT

if TYPE_CHECKING:
    from pathlib import Path

    from zaohua.core.noise import Noise


class Window(NamedTuple):
    """Part of a picture from which patches are cut: of picture `number`, in a file or (None) of an array."""

    source: Source | None
    number: int
    top: int
    left: int
    height: int
    width: int


class PatchCodes(FileCodes[Window]):
    """Windows of pictures, cut when they are needed: (b, C, 2 p - 1, 2 p - 1), with -1 or NaN beyond a window's end.

    Args:
        windows: the windows.
        patch: side p of a patch.
        pictures: codes of the pictures by number, (H, W, C), or the form that files are decoded to on demand.
    """

    def __init__(self, windows: Sequence[Window], patch: int, pictures: Sequence[np.ndarray] | Form) -> None:
        super().__init__(windows)
        self.patch, self.pictures = patch, pictures

    @property
    def at_hand(self) -> bool:
        """True if batches are gathered at negligible cost."""
        return not isinstance(self.pictures, Form)

    def __getitem__(self, indices: Indices) -> Tensor:
        """Return the windows at `indices`."""
        if not self.at_hand:
            return super().__getitem__(indices).permute(0, 3, 1, 2)
        rows = np.atleast_1d(np.arange(len(self))[indices if isinstance(indices, slice) else np.asarray(indices)])
        return torch.from_numpy(np.stack([self.load(self.sources[row]) for row in rows])).permute(0, 3, 1, 2)

    def load(self, source: Window) -> np.ndarray:
        """Cut a window, (2 p - 1, 2 p - 1, C)."""
        if isinstance(self.pictures, Form):
            assert source.source is not None
            pixels = self.pictures.load(source.source)[0]
        else:
            pixels = self.pictures[source.number]
        side, real = 2 * self.patch - 1, pixels.dtype.kind == "f"
        kind = pixels.dtype if real else np.int16 if pixels.dtype == np.uint8 else np.int32
        out = np.full((side, side, pixels.shape[2]), np.nan if real else -1, kind)
        rows, columns = slice(source.top, source.top + source.height), slice(source.left, source.left + source.width)
        out[: source.height, : source.width] = pixels[rows, columns]
        return out

    def name(self, source: Window, at: int) -> str:
        """Return the path of a window's picture, or its index, and its place."""
        return _name(source)

    def reason(self, error: Exception) -> str:
        """Describe an error in a few words."""
        return reason(error)


class Windows(FileItems[Window]):
    """Windows of pictures, with their codes: each has the row of its picture, and those of a picture are a group."""

    noun: ClassVar[str] = "patches"

    def __init__(self, codes: PatchCodes, labels: Sequence[object] | None = None) -> None:
        super().__init__(codes.sources, labels)
        self.codes = codes

    @property
    def paths(self) -> list[str]:
        """Names of the pictures, with the place of each window."""
        return [_name(window) for window in self.sources]

    @property
    def groups(self) -> np.ndarray:
        """Index of the picture that each window is of, int64 (n,)."""
        return np.unique([window.number for window in self.sources], return_inverse=True)[1]

    def _keep(self, at: Sequence[int]) -> None:
        super()._keep(at)
        self.codes = self.codes.take(np.asarray(at, np.int64))

    @staticmethod
    def file_of(source: Window) -> Path | None:
        """Return the file that a window's picture lies in; None if it is in memory."""
        return None if source.source is None else ImageFiles.file_of(source.source)


def of_files(files: ImageFiles, form: Form, patch: int, memory: float | None) -> Windows:
    """Return the windows of pictures in files whose headers are checked; those smaller than a patch are dropped.

    Args:
        files: the pictures.
        form: the form that they are decoded to.
        patch: side of a patch.
        memory: limit in GiB of what is held in memory; beyond it pictures are decoded whenever a batch needs them.
    """
    if form.size is None:
        files.drop_smaller(patch)
    sizes = files.sizes if form.size is None else [form.size] * len(files)
    fits = COUNT[form.channels] * sum(height * width for height, width in sizes) <= room(memory)
    decoded: dict[int, np.ndarray] = {}
    mask = files.decode_each(form, decoded.__setitem__ if fits else None)
    kept = [row for row, good in enumerate(mask) if good]
    windows = _windows(files.sources, [sizes[row] for row in kept], patch)
    codes = PatchCodes(windows, patch, [decoded[row] for row in kept] if fits else form)
    return files.replaced_by(Windows(codes), [window.number for window in windows])


def of_arrays(codes: np.ndarray, patch: int) -> Windows:
    """Return the windows of encoded pictures (n, H, W, C)."""
    n, height, width = codes.shape[:3]
    if min(height, width) < patch:
        raise ZaohuaError(f"images are {width} x {height} pixels, smaller than the patch of {patch} x {patch}")
    windows = Windows(PatchCodes(_windows([None] * n, [(height, width)] * n, patch), patch, list(codes)))
    windows.rows, windows.n_read = np.array([window.number for window in windows.sources]), n
    return windows


def _windows(sources: Sequence[Source | None], sizes: Sequence[tuple[int, int]], patch: int) -> list[Window]:
    """Divide pictures of (height, width) into windows."""
    return [
        Window(source, number, top, left, height, width)
        for number, (source, size) in enumerate(zip(sources, sizes, strict=True))
        for top, height in spans(size[0], patch)
        for left, width in spans(size[1], patch)
    ]


def spans(length: int, patch: int) -> list[tuple[int, int]]:
    """Divide a side into the starts and lengths of windows, in each of which at most `patch` patches begin."""
    places = length - patch + 1
    count = math.ceil(places / patch)
    edges = [k * places // count for k in range(count + 1)]
    return [(low, high - low + patch - 1) for low, high in pairwise(edges)]


def cut(codes: Tensor, patch: int, noise: Noise, train: bool) -> Tensor:
    """Cut a patch from each window (b, C, h, w): (b, C, patch, patch), at random in training, else at its centre."""
    there = ~codes.isnan() if codes.is_floating_point() else codes >= 0
    places = torch.stack([there[:, 0, :, 0].sum(1), there[:, 0, 0].sum(1)], 1) - patch + 1  # (b, 2)
    if train:
        starts = (noise.uniform(2).double() * places).long()
    else:
        starts = (places - 1) // 2
    along = torch.arange(patch, device=codes.device)
    rows, columns = (starts[:, axis, None] + along for axis in (0, 1))
    items = torch.arange(len(codes), device=codes.device)[:, None, None]
    return codes.movedim(1, -1)[items, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)


def turned(x: Tensor, noise: Noise) -> Tensor:
    """Turn square pictures (b, C, n, n) by 0 to 3 quarters of a turn, at random."""
    quarters = (noise.uniform() * 4).long().view(-1, 1, 1, 1)
    out = x
    for k in (1, 2, 3):
        out = torch.where(quarters == k, x.rot90(k, (-2, -1)), out)
    return out


def _name(window: Window) -> str:
    picture = f"image {window.number}" if window.source is None else name_of(window.source, window.number)
    return f"{picture} at {window.left}, {window.top}"
