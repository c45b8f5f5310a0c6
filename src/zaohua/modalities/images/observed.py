"""Codec of what is seen of pictures: smaller ones, grey ones, noise beyond black and white, hidden pixels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from zaohua.core.advice import option
from zaohua.core.arrays import as_array
from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.core.noise import ItemNoise
from zaohua.core.spec import DataSpec, Feature
from zaohua.modalities.base import Codes, counted
from zaohua.modalities.images.grid import Grid
from zaohua.modalities.images.written import ImagesLike, WrittenImages
from zaohua.operators.base import Operator
from zaohua.operators.degradation import Degradation
from zaohua.operators.masks import Masking

if TYPE_CHECKING:
    from zaohua.core.noise import Noise


class ObservedImages(WrittenImages):
    """Codec of observed pictures, as conditions of a model that is trained to undo a degradation.

    Values may lie outside the range of the pictures, and none is clipped or rounded. Pixels that are hidden are NaN in
    items; networks get zeros for them, and a channel that says where something is seen (1) and where not (-1).
    """

    representation: ClassVar[str] = "observed pixels"

    told: bool = False
    """Whether a channel tells the network which pixels are seen."""

    @classmethod
    def of(cls, pictures: WrittenImages, degradation: Degradation) -> Self:
        """Return the fitted codec of what a degradation leaves of pictures.

        Args:
            pictures: fitted codec of the pictures.
            degradation: in the units of tensors.

        Raises:
            ZaohuaError: pictures of this size or with these channels can't be degraded so.
        """
        shape = pictures.spec_.tensor_shape
        drawn = degradation.drawn(shape, ItemNoise([0]))
        codec = cls(told=seen_by(drawn, shape) is not None)
        for step in drawn.steps:
            shape = step.after(shape) if isinstance(step, Operator) else shape
        channels, height, width = shape
        feature = Feature("pixel", "real", size=channels + codec.told, scale=pictures.grid_.scale)
        codec.spec_ = DataSpec(axes=("height", "width"), shape=(height, width), features=(feature,))
        codec.set_pixels(pictures.grid_, pictures.dtype_, channel_axis=pictures.channel_axis_)
        return codec

    @property
    def channels(self) -> int:
        """Number of channels of an observed picture."""
        return self.spec_.channels - self.told

    def fit(self, items: ImagesLike) -> Self:
        """Refuse: what is seen depends on the degradation."""
        raise ZaohuaError(
            f"ObservedImages are what a degradation leaves of pictures, and aren't fitted: give {option('degrade')}"
        )

    def encode(self, items: ImagesLike) -> Codes:
        """Convert observed pictures to tensors, float32 (n, C, H, W), NaN where nothing is seen.

        Raises:
            ZaohuaError: they have another size, other channels, or integers that aren't pixels.
        """
        pixels = as_array(items, "observed pictures")
        pixels = pixels[..., None] if pixels.ndim == 3 else pixels
        shape = (*(self.spec_.shape or ()), self.channels)
        if pixels.ndim != 4 or pixels.shape[1:] != shape or pixels.dtype.kind not in "buif":
            raise ZaohuaError(
                f"what is seen has height, width and channels {shape} in this model, not {pixels.shape[1:]} of "
                f"{pixels.dtype}: zaohua.restore takes other sizes, too"
            )
        units = self.units()
        if pixels.dtype.kind != "f" and (pixels.min() < units.low or pixels.max() > self.grid_.high):
            raise ZaohuaError(
                f"whole numbers from {pixels.min()} to {pixels.max()} aren't pixels from {units.low:g} to "
                f"{self.grid_.high:g}, as this model's are: convert them"
            )
        x = (pixels.astype(np.float64) - units.low) / units.scale - 1
        return torch.from_numpy(np.ascontiguousarray(x.astype(np.float32).transpose(0, 3, 1, 2)))

    def prepare(self, codes: Tensor, noise: Noise | None = None, train: bool = False) -> Tensor:
        """Put zeros where nothing is seen, and tell where that is."""
        if not self.told:
            return codes
        there = ~codes[:, :1].isnan()
        return torch.cat([codes.nan_to_num(0.0), there.to(codes.dtype) * 2 - 1], 1)

    def decode(self, x: Tensor) -> np.ndarray:
        """Convert tensors to pictures, clipped to the range of pixels, for people to look at."""
        return super().decode(x[:, : self.channels])

    def as_items(self, y: object, n: int | None) -> ImagesLike:
        """Return n (or 1) copies of a single picture; return several unchanged."""
        if isinstance(y, Path):
            raise ZaohuaError("observed pictures are given as an array: zaohua.restore takes files, too")
        y = as_array(y, "observed pictures")
        return np.repeat(y[None], 1 if n is None else n, axis=0) if y.ndim == 2 + (self.channels > 1) else y

    def describe(self, n: int | None = None) -> str:
        """Describe size and channels of what is seen."""
        height, width = self.spec_.shape or ()
        size = f"{width} x {height} pixels, {counted(self.channels, 'channel')}"
        return f"{counted(n, 'observed picture')} of {size}{', partly hidden' * self.told}"

    def state(self) -> Json:
        """Return range, type and layout of the pixels as JSON values."""
        return {"grid": self.grid_.to_json(), "dtype": self.dtype_.name, "channel_axis": self.channel_axis_}

    def set_state(self, state: Json) -> None:
        """Restore the result of `state`."""
        self.set_pixels(Grid(**state["grid"]), np.dtype(state["dtype"]), state["channel_axis"])


def seen_by(drawn: Degradation, shape: tuple[int, ...]) -> Tensor | None:
    """Return where a degradation whose choices are made leaves values to see, bool; None if it hides none as they are.

    Args:
        drawn: the degradation.
        shape: shape of the items, (C, *axes).
    """
    seen: Tensor | None = None
    for step in drawn.steps:
        if isinstance(step, Masking):
            mask = step.mask(shape)
            seen = mask if seen is None else seen & mask
        elif isinstance(step, Operator):
            seen = None  # what is hidden is spread by what follows
        shape = step.after(shape) if isinstance(step, Operator) else shape
    return seen


def observed(x: Tensor, degradation: Degradation, codec: ObservedImages, noise: Noise) -> Tensor:
    """Return what is seen of pictures as tensors, as a network is shown it."""
    drawn = degradation.drawn(tuple(x.shape[1:]), noise)
    y, seen = drawn(x, noise), seen_by(drawn, tuple(x.shape[1:]))
    return codec.prepare(y if seen is None else y.masked_fill(~seen.to(y.device).expand_as(y), torch.nan))
