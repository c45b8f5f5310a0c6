"""Observed pictures as tensors, and restored tensors as pictures."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from zaohua.core.arrays import as_array
from zaohua.core.errors import ZaohuaError, shown
from zaohua.core.notes import note
from zaohua.modalities.images.codec import ImageCodec
from zaohua.modalities.images.grid import EIGHT_BIT, SIXTEEN_BIT
from zaohua.modalities.images.pixels import checked_pixels
from zaohua.tasks.restore.masks import seen_of

STRIP = 1 << 20
"""Number of values that are converted at once."""


class Pictures:
    """Observed pictures of one size, and what is known of them.

    Pixels of 16 bits are brought to the units of a model of 8-bit pictures without rounding, and restored ones back.

    Args:
        codec: the model's codec.
        X: pictures, (n, H, W) or (n, H, W, C), of any size and with values in the range of the model's and beyond.
        mask: where they are seen, see `masks`; None for everywhere.
    """

    def __init__(self, codec: ImageCodec, X: object, mask: object = None) -> None:
        self.codec = codec
        self.given = as_array(X, "images")
        pixels = checked_pixels(self.given)
        self.deep = codec.grid_ == EIGHT_BIT and pixels.dtype == np.uint16
        self.x = self._tensor(pixels)
        self.share = None if mask is None else seen_of(mask, len(pixels), pixels.shape[1:3])

    @property
    def seen(self) -> Tensor | None:
        """Mask of the pixels that are fully seen, bool (n, 1, H, W); None for all."""
        return None if self.share is None else torch.from_numpy(self.share >= 1)[:, None]

    def _tensor(self, pixels: np.ndarray) -> Tensor:
        """Convert pixels (n, H, W, C) to float32 (n, C, H, W), unclipped."""
        units, step = self.codec.units(), 255 / 65535 if self.deep else 1.0
        low, high = float(pixels.min()) * step, float(pixels.max()) * step
        top = self.codec.grid_.high
        if pixels.dtype.kind in "bui" and not self.deep and (low < units.low or high > top):
            raise ZaohuaError(
                f"whole numbers from {low:g} to {high:g} aren't pixels from {units.low:g} to {top:g}, as this model's "
                "are: convert them (or give floats, if it is noise that takes them beyond)"
            )
        if top - units.low >= 100 and high - low <= 2 and pixels.dtype.kind == "f" and low >= -1:
            note(f"all values are from {low:g} to {high:g}, of pixels from {units.low:g} to {top:g}: nearly black")
        x = np.empty((len(pixels), pixels.shape[3], *pixels.shape[1:3]), np.float32)
        for out, picture in zip(x, pixels, strict=True):
            for channel in range(len(out)):
                np.multiply(picture[..., channel], step / units.scale, out=out[channel], casting="unsafe")
        x -= units.low / units.scale + 1
        return torch.from_numpy(x)

    def items(self, x: Tensor) -> np.ndarray:
        """Convert tensors (n, C, H, W) to pictures, strip by strip: on the way pixels take eight bytes and more."""
        rows = max(1, STRIP // max(1, x[:, :, :1].numel()))
        strips = [self._decoded(strip) for strip in x.split(rows, dim=2)]
        return strips[0] if len(strips) == 1 else np.concatenate(strips, axis=1)

    def _decoded(self, x: Tensor) -> np.ndarray:
        """Convert a strip of pictures."""
        if not self.deep:
            return self.codec.decode(x)
        array = x.permute(0, 2, 3, 1).contiguous().numpy()
        pixels = SIXTEEN_BIT.decode(array, SIXTEEN_BIT.levels, np.dtype(np.uint16))
        return pixels if self.codec.channel_axis_ else pixels[..., 0]

    def deviation(self, x: Tensor) -> np.ndarray:
        """Convert standard deviations of tensors (n, C, H, W) to those of pixels."""
        scale = SIXTEEN_BIT.scale if self.deep else self.codec.units().scale
        pixels = x.permute(0, 2, 3, 1).contiguous().numpy() * np.float32(scale)
        return pixels if self.codec.channel_axis_ else pixels[..., 0]

    def known(self, items: np.ndarray) -> np.ndarray:
        """Put pixels that were seen in place of restored ones; those of soft edges are mixed.

        Args:
            items: restored pictures of the shape of the observed ones.
        """
        if self.share is None:
            return items
        share = self.share_of(items)
        given = self._as_restored(items)
        mixed = np.where(share >= 1, given, items)
        soft = np.broadcast_to((share > 0) & (share < 1), items.shape)
        if soft.any():
            weight = np.broadcast_to(share, items.shape)[soft]
            values = weight * given[soft] + (1 - weight) * items[soft]
            mixed[soft] = np.rint(values) if items.dtype.kind in "ui" else values
        return mixed

    def unsure(self, deviation: np.ndarray) -> np.ndarray:
        """Return the deviations, 0 where pixels are seen, and in proportion on soft edges."""
        return deviation if self.share is None else deviation * (1 - self.share_of(deviation))

    def _as_restored(self, items: np.ndarray) -> np.ndarray:
        """Return the given pixels in the type and the layout of restored ones."""
        given = self.given.reshape(items.shape)
        if given.dtype == items.dtype:
            return given
        seen = np.broadcast_to(self.share_of(items) > 0, items.shape)
        exact = self.items(self.x)
        if not np.array_equal(exact[seen], given[seen]):
            note(f"{shown(given.dtype.name)} pixels that are no values of the model's were rounded to the nearest")
        return exact

    def share_of(self, items: np.ndarray) -> np.ndarray:
        """Return how far each pixel is seen, broadcastable to pictures."""
        assert self.share is not None
        return self.share if items.ndim == 3 else self.share[..., None]
