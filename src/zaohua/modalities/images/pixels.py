"""Conversions of images: Pillow's modes to 8-bit channels, changes of channels, and resizing."""

from __future__ import annotations

from typing import Literal

import numpy as np
from PIL import Image, ImageOps

from zaohua.modalities.images.grid import Grid

Channels = Literal["auto", "grey", "rgb", "rgba"]
COUNT = {"grey": 1, "rgb": 3, "rgba": 4}
"""Number of channels by name."""
GREY_MODES = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N"})
MODES = {"grey": "L", "rgb": "RGB", "rgba": "RGBA"}
LUMA = np.array([0.299, 0.587, 0.114])
"""Weights of red, green and blue in grey (ITU-R 601-2, as Pillow's)."""


class UnusableImage(ValueError):
    """Error for an image that can't be converted; the message is the reason in a few words."""


def is_grey(image: Image.Image) -> bool:
    """Return True if an image has no colour by its mode (a palette counts as colour)."""
    return image.mode in GREY_MODES


def to_pixels(image: Image.Image, channels: str, size: tuple[int, int] | None = None) -> np.ndarray:
    """Convert an image of any mode to uint8 (H, W, C): upright, scaled to 8 bits, composited on white unless rgba.

    Args:
        image: an opened image; of an animation the current frame, usually the first.
        channels: "grey", "rgb" or "rgba".
        size: (height, width) to resize and crop to, see `cover`; None keeps the size.

    Raises:
        UnusableImage: the range of the pixels is unknown (32-bit or float).
        OSError: the file is damaged.
    """
    if size is not None and image.format == "JPEG":
        image.draft(
            image.mode, (2 * max(size), 2 * max(size))
        )  # decodes at 1/2, 1/4 or 1/8 of the size if that suffices
    image = upright(image)
    image = _eight_bit(image)
    if image.mode != MODES[channels]:
        image = _on_white(image) if channels != "rgba" else image.convert("RGBA")
        image = image.convert(MODES[channels])
    if size is not None:
        image = cover(image, size)
    pixels = np.asarray(image)
    return pixels[:, :, None] if pixels.ndim == 2 else pixels


def orientation(image: Image.Image) -> int:
    """Return the EXIF orientation (1 ... 8) from the header, if `image.size` doesn't include it already; else 1.

    Pillow rotates TIFF files itself. EXIF data after the pixels of a PNG would require decoding, and are ignored.
    """
    try:
        if image.format != "TIFF" and (image.format == "JPEG" or "exif" in image.info):
            return int(image.getexif().get(0x0112, 1))
    except Exception:  # damaged EXIF data: Pillow raises half a dozen kinds, and the pixels are fine
        pass
    return 1


def upright(image: Image.Image) -> Image.Image:
    """Rotate an image by its EXIF orientation."""
    if orientation(image) in range(2, 9):
        return ImageOps.exif_transpose(image)
    image.load()
    return image


def _eight_bit(image: Image.Image) -> Image.Image:
    """Scale 16-bit grey images to 8 bits (Pillow's own conversion clips them)."""
    if image.mode == "F":
        raise UnusableImage("floating-point pixels of unknown range")
    if not image.mode.startswith("I"):
        return image
    values = np.asarray(image).astype(np.int64)
    if values.size and (values.min() < 0 or values.max() > 65535):
        raise UnusableImage("32-bit pixels of unknown range")
    return Image.fromarray(((values + 128) // 257).astype(np.uint8))


def _on_white(image: Image.Image) -> Image.Image:
    """Composite an image on white if it has transparency."""
    if not image.has_transparency_data:
        return image
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)


def cover(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Resize an image with antialiasing so that it just covers (height, width), and crop its centre."""
    height, width = size
    if image.size == (width, height):
        return image
    scale = min(image.width / width, image.height / height)
    w, h = width * scale, height * scale
    left, top = (image.width - w) / 2, (image.height - h) / 2
    return image.resize((width, height), Image.Resampling.BICUBIC, box=(left, top, left + w, top + h), reducing_gap=3)


def resize_array(pixels: np.ndarray, size: tuple[int, int], grid: Grid) -> np.ndarray:
    """Apply `cover` to an array (n, H, W, C) of any type; values are rounded to their grid.

    Args:
        pixels: the images.
        size: (height, width) of the result.
        grid: values that pixels can take.
    """
    if pixels.shape[1:3] == size:
        return pixels
    out = np.empty((len(pixels), *size, pixels.shape[3]), pixels.dtype)
    for i, image in enumerate(pixels):
        if pixels.dtype == np.uint8 and grid.levels == 256 and pixels.shape[3] in (1, 3, 4):
            flat = image[:, :, 0] if pixels.shape[3] == 1 else image
            out[i] = np.asarray(cover(Image.fromarray(flat), size)).reshape(out[i].shape)
            continue
        planes = [
            np.asarray(cover(Image.fromarray(image[:, :, c].astype(np.float32)), size)) for c in range(pixels.shape[3])
        ]
        out[i] = _snap(np.stack(planes, axis=-1), grid, pixels.dtype)
    return out


def convert_array(pixels: np.ndarray, channels: Channels, grid: Grid) -> np.ndarray:
    """Convert the channels of an array (n, H, W, C) as `to_pixels` does; "auto" returns it unchanged."""
    have = pixels.shape[3]
    if channels == "auto" or have == COUNT[channels]:
        return pixels
    want = COUNT[channels]
    if have in (2, 4) and channels != "rgba":
        alpha = (pixels[..., -1:].astype(np.float32) - grid.low) / (grid.high - grid.low)
        pixels = _snap(pixels[..., :-1] * alpha + grid.high * (1 - alpha), grid, pixels.dtype)
        have -= 1
    if want == 1 and have == 3:
        return _snap((pixels @ LUMA.astype(np.float32))[..., None], grid, pixels.dtype)
    if want == 4:
        colour = pixels[..., :1].repeat(3, axis=-1) if have < 3 else pixels[..., :3]
        opaque = pixels[..., 1:] if have == 2 else np.full_like(pixels[..., :1], grid.high)
        return np.concatenate([colour, opaque], axis=-1)
    return pixels.repeat(3, axis=-1) if want == 3 and have == 1 else pixels


def _snap(values: np.ndarray, grid: Grid, dtype: np.dtype[np.generic]) -> np.ndarray:
    """Round values to the nearest ones of the grid."""
    return grid.decode((values - grid.low) / grid.scale - 1, grid.levels, dtype)
