"""Picture files that are changed and written again: transparency, 16 bits of grey and metadata stay."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from PIL import Image

from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import note
from zaohua.modalities.base import Codec
from zaohua.modalities.images.codec import ImageCodec
from zaohua.modalities.images.grid import EIGHT_BIT
from zaohua.modalities.images.metadata import Metadata
from zaohua.modalities.images.opening import PAGED, open_file, reason
from zaohua.modalities.images.pixels import LUMA, UnusableImage, is_reduced, upright, with_true_key
from zaohua.modalities.images.saving import BY_ENDING, eight_bits, save_picture
from zaohua.modalities.original import Original

CONVERTED = {"1": "L", "La": "LA", "P": "RGB", "PA": "RGBA", "RGBX": "RGB", "RGBa": "RGBA", "CMYK": "RGB"}
"""Modes that are converted to another one, see `_converted`; others have no grey levels or three colours."""
SAID = {"1": "black and white to grey levels", "P": "a palette to colours", "PA": "a palette to colours"}
"""What such a conversion means, for people."""


@dataclass(frozen=True, eq=False)
class Picture(Original[np.ndarray]):
    """Picture of a file, upright.

    Attributes:
        path: the file.
        item: uint8 (H, W) or (H, W, 3), or uint16 (H, W).
        alpha: uint8 (H, W), 255 where it is opaque; None if it is so everywhere.
        kept: metadata of the file.
    """

    path: Path
    item: np.ndarray
    alpha: np.ndarray | None = None
    kept: Metadata = Metadata()

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a picture in its own size: the first page, if there are several."""
        with _explained(path), open_file(path) as image:
            _tell_pages(image, path)
            texts = dict(getattr(image, "text", None) or {})
            if is_reduced(image):
                note(f"{path} reduced from 16 bits to 8: only grey levels are kept in 16")
            image.seek(0)
            found = upright(with_true_key(image))
            kept = Metadata.of(found, texts)
            found, changed = _converted(found)
            if changed:
                note(f"{path} converted from {changed}")
            kept = kept.without_profile() if found.mode.startswith("RGB") and image.mode == "CMYK" else kept
            return cls(path, *_pixels(found), kept)

    @classmethod
    def ending(cls, ending: str) -> str | None:
        """Return the ending itself if such files are written, and .png for those that are only read."""
        from zaohua.modalities.images import SUFFIXES

        ending = ending.casefold()
        return ending if ending in BY_ENDING else ".png" if ending in SUFFIXES else None

    @classmethod
    def is_exact(cls, ending: str) -> bool:
        """Return True for formats without losses."""
        return BY_ENDING[ending.casefold()].exact

    @property
    def size(self) -> float:
        """Number of pixels."""
        return float(self.shape[0] * self.shape[1])

    @staticmethod
    def speed(per_second: float) -> str:
        """Write pixels per second."""
        return f"{per_second / 1e6:.2g} megapixels/s" if per_second > 1e5 else f"{per_second:,.0f} pixels/s"

    @property
    def shape(self) -> tuple[int, ...]:
        """(height, width)."""
        return self.item.shape[:2]

    def seen(self, codec: Codec, grey: bool = False) -> np.ndarray:
        """Return the pixels in the units of a codec: all colours, even if it takes grey pictures."""
        count, pixels = _codec(codec).spec_.channels, self.item
        if grey and pixels.ndim == 3:
            note(f"colours of {self.path} aren't used")
        if grey:
            return _in_units(_grey(pixels), codec)
        if count == 2:
            raise ZaohuaError("pictures of 2 channels aren't in files, so this run can't restore any")
        if count > 2 and pixels.ndim == 2:
            pixels = pixels[:, :, None].repeat(3, axis=2)
        if count == 4:
            opaque = np.full(self.shape, 255, np.uint8) if self.alpha is None else self.alpha
            pixels = np.dstack([eight_bits(pixels) if pixels.dtype == np.uint16 else pixels, opaque])
        return _in_units(pixels, codec)

    def with_item(self, item: np.ndarray, codec: Codec, grey: bool = False) -> Self:
        """Return this picture with other pixels; a grey one stays grey, unless colours were asked for by `grey`."""
        pixels, alpha = _of_units(item, codec, self.item.dtype), self.alpha
        if pixels.ndim == 3 and pixels.shape[2] == 1:
            pixels = pixels[:, :, 0]
        if pixels.ndim == 3 and pixels.shape[2] == 4:
            pixels, alpha = pixels[:, :, :3], (pixels[:, :, 3] if alpha is not None else None)
        if self.item.ndim == 2 and not grey:
            pixels = _grey(pixels)
        if alpha is not None and alpha.shape != pixels.shape[:2]:
            size = pixels.shape[1], pixels.shape[0]
            alpha = np.asarray(Image.fromarray(alpha).resize(size, Image.Resampling.BICUBIC))
        return replace(self, item=pixels, alpha=alpha)

    def write(self, path: Path) -> None:
        """Write the picture; note what the format can't hold."""
        save_picture(self.item, self.alpha, path, self.kept)

    def extended(self, before: tuple[int, ...], after: tuple[int, ...]) -> Self:
        """Return a larger picture: its border is repeated, and opaque."""
        width = list(zip(before, after, strict=True))
        alpha = None if self.alpha is None else np.pad(self.alpha, width, constant_values=255)
        return replace(self, item=np.pad(self.item, [*width, (0, 0)][: self.item.ndim], "edge"), alpha=alpha)

    def resized(self, shape: tuple[int, ...]) -> Self:
        """Return the picture in another size (height, width), without a crop."""
        alpha = None if self.alpha is None else _resized(self.alpha, shape)
        return replace(self, item=_resized(self.item, shape), alpha=alpha)

    def filled(self) -> Self:
        """Return the picture without transparency."""
        return replace(self, alpha=None)

    def write_differences(self, deviation: np.ndarray, path: Path) -> float:
        """Write the deviation as grey levels, the mean of the colours; return the deviation that is white."""
        flat = deviation.mean(axis=2) if deviation.ndim == 3 else deviation
        white = float(flat.max())
        grey = np.rint(flat * (255 / white if white > 0 else 0)).astype(np.uint8)
        save_picture(grey, None, path, Metadata())
        return white


def _codec(codec: Codec) -> ImageCodec:
    """Return a codec that is one of pictures."""
    if not isinstance(codec, ImageCodec):
        raise ZaohuaError(f"this run is of {codec.modality}, so it can't restore pictures")
    return codec


def _in_units(pixels: np.ndarray, codec: Codec) -> np.ndarray:
    """Return pixels in the units of a codec; those of 8 bits take whole numbers of 8 and of 16 bits."""
    grid = _codec(codec).grid_
    if grid == EIGHT_BIT:
        return pixels
    step = (grid.high - grid.low) / np.iinfo(pixels.dtype.name).max
    return (grid.low + pixels.astype(np.float64) * step).astype(np.float32)


def _of_units(values: np.ndarray, codec: Codec, dtype: np.dtype[np.generic]) -> np.ndarray:
    """Return values in the units of a codec as pixels of a type."""
    grid, top = _codec(codec).grid_, np.iinfo(dtype.name).max
    if grid == EIGHT_BIT and values.dtype == dtype:
        return values
    share = (values.astype(np.float64) - grid.low) / (grid.high - grid.low)
    return np.rint(np.clip(share, 0, 1) * top).astype(dtype)


def _resized(pixels: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return whole-number pixels (H, W) or (H, W, C) in another size, with antialiasing."""
    if pixels.ndim == 3:
        return np.dstack([_resized(channel, shape) for channel in np.moveaxis(pixels, 2, 0)])
    out = Image.fromarray(pixels.astype(np.float32)).resize((shape[1], shape[0]), Image.Resampling.BICUBIC)
    top = np.iinfo(pixels.dtype.name).max
    levels: np.ndarray = np.rint(np.clip(np.asarray(out), 0, top)).astype(pixels.dtype)
    return levels


def _grey(pixels: np.ndarray) -> np.ndarray:
    """Return the brightness of pixels, (H, W)."""
    return pixels if pixels.ndim == 2 else np.rint(pixels @ LUMA).astype(pixels.dtype)


def _converted(image: Image.Image) -> tuple[Image.Image, str]:
    """Convert an image to L, LA, RGB, RGBA or 16 bits; return it, and in words what was converted if it isn't the same.

    Raises:
        UnusableImage: there is no such conversion.
    """
    mode = image.mode
    if mode == "F" or mode in ("LAB", "HSV"):
        raise UnusableImage("floating-point pixels, whose range is unknown" if mode == "F" else f"colours in {mode}")
    if mode.startswith("I"):
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise UnusableImage("32-bit pixels, whose range is unknown")
        return image, ""
    wanted = CONVERTED.get(mode, "RGB" if mode not in ("L", "LA", "RGB", "RGBA") else mode)
    if image.has_transparency_data:
        wanted = "LA" if wanted in ("L", "LA") else "RGBA"
    changed = f"{mode} to RGB colours" if mode == "CMYK" else SAID.get(mode, "")
    return (image if mode == wanted else image.convert(wanted)), changed


def _pixels(image: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the pixels and the alpha of an image that `_converted` gave."""
    pixels = np.array(image)
    if image.mode.startswith("I"):
        pixels = pixels.astype(np.uint16)
        key = image.info.get("transparency")
        return pixels, None if key is None else np.where(pixels == key, 0, 255).astype(np.uint8)
    if image.mode not in ("LA", "RGBA"):
        return pixels, None
    colours, alpha = pixels[:, :, :-1], pixels[:, :, -1]
    return (colours[:, :, 0] if image.mode == "LA" else colours), alpha


def _tell_pages(image: Image.Image, path: Path) -> None:
    """Note the pages of a file that aren't read."""
    try:
        pages = int(getattr(image, "n_frames", 1))
    except Exception:  # a damaged page behind the first
        pages = 1
    if pages > 1 and image.format in PAGED:
        note(f"first page of {pages} of {path}")


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Convert whatever Pillow raises into an error of one line that names the file."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"PIL\.")
            yield
    except (ZaohuaError, MemoryError):
        raise
    except Exception as error:
        raise ZaohuaError(f"{path}: can't be read: {reason(error)}") from error
