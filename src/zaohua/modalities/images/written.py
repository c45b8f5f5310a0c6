"""Writing of pictures to files: the part of their codec that knows their range, and no more."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import DTypeLike
from PIL import Image
from torch import Tensor

from zaohua.core.arrays import as_array
from zaohua.core.errors import ZaohuaError, shown
from zaohua.modalities.base import GridCodec
from zaohua.modalities.images.files import ImageFiles
from zaohua.modalities.images.grid import Grid, visible
from zaohua.modalities.images.patches import Windows
from zaohua.operators.step import Units
from zaohua.report.sheets import grid, save

ImagesLike: TypeAlias = ImageFiles | Windows | np.ndarray
"""Images as the codec takes them: files, an array (n, H, W) or (n, H, W, C), or windows cut from either."""

FRAME = 100
"""Milliseconds that each image of an animation is shown."""


class WrittenImages(GridCodec[ImagesLike]):
    """Base of codecs of pictures: tensors to arrays, and arrays to files.

    Attributes:
        grid_: values that pixels can take.
        dtype_: type of decoded pixels.
        channel_axis_: True if items have a channel axis.
    """

    def learns(self) -> str:
        """Return that it tells the form of the pictures."""
        return "size, channels and range of values of the pictures"

    def set_pixels(self, grid: Grid, dtype: np.dtype[np.generic], channel_axis: bool) -> None:
        """Set the values, the type and the layout of pixels."""
        self.grid_, self.dtype_, self.channel_axis_ = grid, dtype, channel_axis

    def decode(self, x: Tensor) -> np.ndarray:
        """Convert tensors (b, C, H, W) in [-1, 1] to images, with pixels rounded to the nearest value of the grid."""
        array = x.detach().to("cpu", torch.float32).permute(0, 2, 3, 1).contiguous().numpy()
        pixels = self.grid_.decode(array, self.spec_.levels, self.dtype_)
        return pixels if self.channel_axis_ else pixels[..., 0]

    def units(self) -> Units:
        """Return the units of pixels."""
        return Units(self.grid_.low, self.grid_.scale)

    def write(self, items: ImagesLike, folder: Path, names: Sequence[str]) -> list[Path]:
        """Write images as 8-bit PNG files (16-bit for grey images of 65536 levels).

        Args:
            items: images, as `decode` returns them.
            folder: the folder; it is created if necessary.
            names: file names without suffix, one per image.
        """
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{name}.png" for name in names]
        deep = self.grid_.levels == 65536 and self.spec_.channels == 1
        for path, pixels in zip(paths, self._visible(items, np.uint16 if deep else np.uint8), strict=True):
            Image.fromarray(pixels).save(path)
        return paths

    def _write_grid(self, items: ImagesLike, path: Path, y: Sequence[object] | None, columns: int | None) -> None:
        """Write all images to one 8-bit PNG; enlarge small ones."""
        save(grid(self._visible(items), columns), path)

    def _write_arrays(self, items: ImagesLike, path: Path, y: Sequence[object] | None, columns: int | None) -> None:
        """Write the unchanged array of images, and their labels."""
        images = np.asarray(items)
        if y is None:
            np.savez_compressed(path, images=images)
            return
        labels = as_array(y, "labels")
        if labels.shape != (len(images),):
            raise ZaohuaError(f"y must have one label for each of the {len(images):,} images, not {shown(y)}")
        if labels.dtype == object:  # which numpy would pickle
            labels = np.array([str(label) for label in labels])
        np.savez_compressed(path, images=images, labels=labels)

    def _write_animation(self, items: ImagesLike, path: Path, y: Sequence[object] | None, columns: int | None) -> None:
        """Write all images to an animated GIF, one after another; enlarge small ones."""
        first, *others = [Image.fromarray(grid(image[None], 1, gap=0)) for image in self._visible(items)]
        first.save(path, "GIF", save_all=True, append_images=others, duration=FRAME, loop=0)

    sheets = {".png": _write_grid, ".npz": _write_arrays, ".gif": _write_animation}

    def _visible(self, items: ImagesLike, dtype: DTypeLike = np.uint8) -> np.ndarray:
        """Convert images to integers for PNG files, (n, H, W) or (n, H, W, C)."""
        if self.spec_.channels == 2:
            raise ZaohuaError("images of 2 channels can't be written as PNG")
        pixels = visible(np.asarray(items), self.grid_, dtype)
        return pixels[..., 0] if self.channel_axis_ and self.spec_.channels == 1 else pixels
