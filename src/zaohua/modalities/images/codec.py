"""Codec from images (arrays, files or Pillow images) to floats in [-1, 1], channels first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor

from zaohua.core.arrays import as_array
from zaohua.core.errors import ZaohuaError, shown
from zaohua.core.json import Json
from zaohua.core.memory import require
from zaohua.core.params import Between
from zaohua.core.spec import DataSpec, Feature
from zaohua.modalities.base import Codes, counted
from zaohua.modalities.images.files import Form, ImageFiles
from zaohua.modalities.images.grid import EIGHT_BIT, Grid
from zaohua.modalities.images.losses import grid_of, tell_sizes
from zaohua.modalities.images.observed import ObservedImages, observed
from zaohua.modalities.images.patches import Windows, cut, of_arrays, of_files, turned
from zaohua.modalities.images.pixels import COUNT, Channels, checked_pixels, convert_array, resize_array
from zaohua.modalities.images.written import ImagesLike, WrittenImages

if TYPE_CHECKING:
    from zaohua.core.noise import Noise
    from zaohua.operators.degradation import Degradation


LARGEST = 65_500
"""Largest height and width of an image, as of JPEG."""


class ImageCodec(WrittenImages):
    """Codec of images of one size. Decoded arrays have the type, range and layout of the training images.

    Arrays are (n, H, W) or (n, H, W, C) of any numeric type; see `find_grid` for the interpretation of their values.
    Files and Pillow images are 8-bit, and are decoded to uint8 arrays, (n, H, W) if grey, else (n, H, W, C). Decoded
    continuous pixels are clipped to the range of the training images.

    With `patch` items are random patches of larger pictures, see `patches`.

    Attributes:
        pictures_: numbers of pictures and of patches that were learnt, with `patch`; else None.
    """

    modality: ClassVar[str] = "images"
    representation: ClassVar[str] = "pixels"
    shrinks: ClassVar[str] = "size"

    size: int | tuple[int, int] | None = None
    """Height and width (one number: square) that images are resized to, with antialiasing and a central crop that
    keeps their proportions. None: all images must have the same size."""
    channels: Channels = "auto"
    """Channels of an image; auto: grey if all files are grey, else rgb; arrays keep their channels. Transparent
    images are composited on white, except for rgba."""
    pages: Literal["first", "all"] = "first"
    """Of a file with several pages or frames (TIFF, GIF, APNG, WebP, AVIF), take the first, or all as images of their
    own."""
    max_value: Annotated[float, Between(above=0)] | None = None
    """Value of white, for data that don't use the whole range of their type: 4095 for 12 bits. None: the highest value
    that the type of a file can hold, or what the values of an array suggest."""
    patch: Annotated[int, Between(1, LARGEST)] | None = None
    """Side in pixels of the square patches that are learnt of larger pictures, which may differ in size; training draws
    each one anew, anywhere in a picture. None: whole pictures."""
    flip: bool = False
    """Mirror images horizontally with probability 1/2 in training."""
    turn: bool = False
    """Turn square images by a random number of quarters in training; with `flip` in all 8 symmetries."""
    binarize: Literal["none", "dynamic", "static"] = "none"
    """Make pixels black or white: "dynamic" draws each one with its grey value as the probability of white, "static"
    thresholds at half."""
    max_pixels: Annotated[int, Between(1, 89_000_000)] = 64_000_000
    """Files with more pixels than this are dropped before they are decoded."""
    memory: Annotated[float, Between(0)] | None = None
    """GiB of decoded images to hold in memory; larger data sets are decoded on demand. None: a quarter of the free
    memory."""

    def fit(self, items: ImagesLike) -> Self:
        """Determine size, channels and range of values.

        Args:
            items: array (n, H, W) or (n, H, W, C), or `ImageFiles`.

        Raises:
            ZaohuaError: sizes differ and no `size` is given, too many files are broken, values aren't finite.
        """
        self._foresee(items)
        parts = self._paged(items) if isinstance(items, ImageFiles) else None
        patch = None if self.patch is None else (self.patch, self.patch)
        if parts is not None:
            kind = self.channels if self.channels != "auto" else "grey" if parts.all_grey else "rgb"
            self.set_pixels(EIGHT_BIT, np.dtype(np.uint8), channel_axis=kind != "grey")
            shape, count = patch or self._target or parts.common_size(), COUNT[kind]
        else:
            pixels = checked_pixels(items)
            count = pixels.shape[-1] if self.channels == "auto" else COUNT[self.channels]
            self.set_pixels(
                grid_of(pixels, self.max_value), pixels.dtype, channel_axis=np.ndim(np.asarray(items)) == 4 or count > 1
            )
            shape = patch or self._target or pixels.shape[1:3]
        levels = 2 if self.binarize != "none" else self.grid_.levels
        feature = Feature("pixel", "real", size=count, levels=levels, scale=self.grid_.scale)
        self.spec_ = DataSpec(axes=("height", "width"), shape=(int(shape[0]), int(shape[1])), features=(feature,))
        if self.turn and shape[0] != shape[1]:
            raise ZaohuaError(
                f"{self.option('turn')} turns square images, not {shape[1]} x {shape[0]}: "
                f"give {self.option('patch')} or {self.option('size')}"
            )
        self.pictures_: tuple[int, int] | None = None
        if isinstance(items, ImageFiles) and parts is not None:
            encoded = self._decoded(parts)
            items.cache(self._form, encoded)
            self._count(encoded[0])
        elif self.patch is not None:
            self._count(self.parts(items))
        return self

    def _count(self, parts: ImagesLike) -> None:
        """Remember how many pictures patches are of."""
        if isinstance(parts, Windows):
            self.pictures_ = len(np.unique(parts.groups)), len(parts)

    def _foresee(self, items: ImagesLike) -> None:
        """Refuse a size at which a single picture, or all of those in memory, can't be held."""
        if self._target is None:
            return
        height, width = self._target
        values = height * width * (1 if self.channels in ("auto", "grey") else COUNT[self.channels])
        what, smaller = f"of {width:,} x {height:,} pixels", f"give a smaller {self.option('size')}"
        require(5 * values, f"a picture {what}", smaller)  # as a byte, and as the float that networks see
        if not isinstance(items, ImageFiles):
            array = np.asarray(items)
            require(len(array) * values * array.dtype.itemsize, f"{len(array):,} pictures {what}", smaller)

    def parts(self, items: ImagesLike) -> ImagesLike:
        """Return the images as they are encoded: the pages of files, if all are taken, or windows, if patches are cut.

        Each has its file's label.
        """
        if isinstance(items, ImageFiles):
            parts, codes = self._parts_and_codes(items)
            parts.cache(self._form, (parts, codes))
            return parts
        if self.patch is None or isinstance(items, Windows):
            return items
        return of_arrays(self._array_codes(items), self.patch)

    def _paged(self, files: ImageFiles) -> ImageFiles:
        """Return files as the images that are learnt, with their headers checked."""
        if self.pages == "all":
            files = files.pages(self.max_pixels)
        files.check_headers(self.max_pixels)
        return files

    def _parts_and_codes(self, files: ImageFiles) -> tuple[ImageFiles | Windows, Codes]:
        """Return the images of files, or windows of them, and their encoding."""
        cached: tuple[ImageFiles | Windows, Codes] | None = files.pop_cached(self._form)
        if cached is not None:
            return cached
        if self.grid_ != EIGHT_BIT or self.spec_.channels not in COUNT.values():
            raise ZaohuaError(
                f"files are 8-bit with 1, 3 or 4 channels, but the model was fitted on arrays from "
                f"{self.grid_.low:g} to {self.grid_.high:g} with {self.spec_.channels}"
            )
        parts = self._paged(files)
        if self._target is None and self.patch is None:
            parts.check_size(self._shape)
        return self._decoded(parts)

    def _decoded(self, files: ImageFiles) -> tuple[ImageFiles | Windows, Codes]:
        """Decode files whose headers are checked."""
        if self.patch is None:
            return files, files.decode(self._form, self.memory)
        windows = of_files(files, self._form, self.patch, self.memory)
        return windows, windows.codes

    def encode(self, items: ImagesLike) -> Codes:
        """Encode images (n, C, H, W): levels as uint8 or int32, or continuous values as float32 in [-1, 1].

        Raises:
            ZaohuaError: an image has another size (and `size` isn't set), another number of channels, or values that
                the training images can't have.
        """
        if isinstance(items, Windows):
            return items.codes
        if isinstance(items, ImageFiles):
            return self._parts_and_codes(items)[1]
        if self.patch is not None:
            return of_arrays(self._array_codes(items), self.patch).codes
        codes = self._array_codes(items)
        return torch.from_numpy(codes if codes.flags.writeable else codes.copy()).permute(0, 3, 1, 2)

    def _array_codes(self, items: np.ndarray) -> np.ndarray:
        """Encode an array of images, (n, H, W, C)."""
        pixels = convert_array(checked_pixels(items), self.channels, self.grid_)
        if self._target is not None:
            tell_sizes(pixels.shape[1:3], self._target, len(pixels))
            pixels = resize_array(pixels, self._target, self.grid_)
        shape = pixels.shape[1:] if self.patch is None else (*self._shape, pixels.shape[3])
        if shape != (*self._shape, self.spec_.channels):
            raise ZaohuaError(
                f"images have height, width and channels {pixels.shape[1:]}, but the model was fitted "
                f"on {(*self._shape, self.spec_.channels)}"
            )
        return self.grid_.encode(pixels)

    def prepare(self, codes: Tensor, noise: Noise, train: bool = False) -> Tensor:
        """Convert encoded images (b, C, H, W), or windows, to float32 in [-1, 1]; cut, flip, turn and binarise them."""
        levels = self.grid_.levels
        x = (codes if self.patch is None else cut(codes, self.patch, noise, train)).to(torch.float32)
        if levels is not None:
            x = x.mul(2 / (levels - 1)).sub_(1)
        if self.flip and train:
            x = torch.where(noise.uniform().view(-1, 1, 1, 1) < 0.5, x.flip(-1), x)
        if self.turn and train:
            x = turned(x, noise)
        if self.binarize == "dynamic":
            x = noise.bernoulli(x.add_(1).mul_(0.5)).to(torch.float32).mul_(2).sub_(1)
        elif self.binarize == "static":
            x = (x >= 0).to(torch.float32).mul_(2).sub_(1)
        return x

    def observation(self, degradation: Degradation) -> ObservedImages:
        """Return the fitted codec of what a degradation leaves of the images."""
        return ObservedImages.of(self, degradation.in_units(self.units()))

    def observe(self, codes: Tensor, x: Tensor, degradation: Degradation, noise: Noise) -> Tensor:
        """Return what is seen of a batch of images, as networks are shown it."""
        return observed(x, degradation.in_units(self.units()), self.observation(degradation), noise)

    def as_items(self, y: object, n: int | None) -> ImagesLike:
        """Return n (or 1) copies of a single image; return an array of images unchanged."""
        if isinstance(y, ImageFiles):
            return y
        y = as_array(y, "images")
        if not y.ndim:
            raise ZaohuaError(f"this model's conditions are images: give an image or several as y, not {y.item()!r}")
        if y.ndim == (3 if self.channel_axis_ else 2):
            return np.repeat(y[None], 1 if n is None else n, axis=0)
        return y

    def describe(self, n: int | None = None) -> str:
        """Describe size, channels and levels of the images."""
        height, width = self.spec_.shape or ()
        what = f"{width} x {height} pixels, {counted(self.spec_.channels, 'channel')}"
        what += f", {self.spec_.levels:,} levels" if self.spec_.levels else ""
        if self.patch is None:
            return f"{counted(n, 'picture')} of {what}"
        pictures, learnt = self.pictures_ or (0, 0)
        whole = f"{counted(pictures, 'picture')} as " if n == learnt else ""
        return f"{whole}{counted(n, 'patch').replace('patchs', 'patches')} of {what}"

    def found(self) -> Json:
        """Return the size and the channels."""
        names = {count: name for name, count in COUNT.items()}
        channels: Json = {"channels": names.get(self.spec_.channels, self.spec_.channels)}
        return channels if self.patch is not None else {"size": self.spec_.shape, **channels}

    def state(self) -> Json:
        """Return range, type and layout of the pixels as JSON values."""
        if not hasattr(self, "spec_"):
            return {}
        pixels = {"grid": self.grid_.to_json(), "dtype": self.dtype_.name, "channel_axis": self.channel_axis_}
        return pixels if self.pictures_ is None else {**pixels, "pictures": self.pictures_}

    def set_state(self, state: Json) -> None:
        """Restore the result of `state`."""
        grid, dtype = Grid(**state["grid"]), np.dtype(state["dtype"])
        if self.spec_.shape is None or len(self.spec_.shape) != 2:
            raise ZaohuaError(f"no images have the shape {self.spec_.shape}")
        if dtype.kind not in "buif" or not grid.low < grid.high or not 1 < (grid.levels or 2) <= 65536:
            raise ZaohuaError(f"no pixels have the type {dtype} and the values of {grid}")
        self.set_pixels(grid, dtype, state["channel_axis"])
        self.pictures_ = (state["pictures"][0], state["pictures"][1]) if "pictures" in state else None

    @property
    def _target(self) -> tuple[int, int] | None:
        if self.size is None:
            return None
        height, width = (self.size, self.size) if isinstance(self.size, int) else self.size
        if not 1 <= height <= LARGEST >= width >= 1:
            raise ZaohuaError(f"ImageCodec: size must be from 1 to {LARGEST:,} pixels, not {shown(self.size)}")
        return int(height), int(width)

    @property
    def _form(self) -> Form:
        """Form that files are decoded to."""
        return Form(self._kind, self._shape if self.patch is None else self._target, self.max_value)

    @property
    def _shape(self) -> tuple[int, int]:
        assert self.spec_.shape is not None
        return self.spec_.shape[0], self.spec_.shape[1]

    @property
    def _kind(self) -> str:
        """Name of the channels that files are decoded to."""
        return next(name for name, count in COUNT.items() if count == self.spec_.channels)
