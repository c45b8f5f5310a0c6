"""Conversions of images: Pillow's modes to 8-bit channels, changes of channels, and resizing."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from zaohua.core.advice import option
from zaohua.core.arrays import as_array
from zaohua.core.errors import ZaohuaError
from zaohua.modalities.images.grid import Grid

Channels = Literal["auto", "grey", "rgb", "rgba"]
COUNT = {"grey": 1, "rgb": 3, "rgba": 4}
"""Number of channels by name."""
GREY_MODES = frozenset({"1", "L", "LA", "La", "F", "I", "I;16", "I;16B", "I;16L", "I;16N"})
MODES = {"grey": "L", "rgb": "RGB", "rgba": "RGBA"}
LUMA = np.array([0.299, 0.587, 0.114])
"""Weights of red, green and blue in grey (ITU-R 601-2, as Pillow's)."""


BRIGHT = 48
"""Value of 8 bits above which an image is bright, whatever resizing did to it."""


class UnusableImage(ValueError):
    """Error for an image that can't be converted; the message is the reason in a few words."""


def is_grey(image: Image.Image) -> bool:
    """Return True if an image has no colour by its mode (a palette counts as colour)."""
    return image.mode in GREY_MODES


class Loss(NamedTuple):
    """What an image lost by its conversion.

    Attributes:
        transparent: it was transparent in some place, and laid on white.
        deep: it had 16 bits, of which 8 remain.
        cropped: its proportions aren't those asked for, so that sides were cut off.
        enlarged: it is smaller than asked for.
        highest: its highest value.
        top: the highest value that its type can hold.
    """

    transparent: bool
    deep: bool
    cropped: bool
    enlarged: bool
    highest: float
    top: float


def to_pixels(image: Image.Image, channels: str, size: tuple[int, int] | None = None) -> np.ndarray:
    """Return the pixels that `convert` gives, uint8 (H, W, C)."""
    return convert(image, channels, size)[0]


def convert(
    image: Image.Image, channels: str, size: tuple[int, int] | None = None, white: float | None = None
) -> tuple[np.ndarray, Loss]:
    """Convert an image of any mode to 8 bits: upright, scaled to [0, 255], and laid on white unless rgba.

    An image is transparent where the file says so: by an alpha channel, by a colour or grey level, or by its palette.

    Args:
        image: an opened image; of an animation the current frame, usually the first.
        channels: "grey", "rgb" or "rgba".
        size: (height, width) to resize and crop to, see `cover`; None keeps the size.
        white: value of white in the file; None for the highest that its type can hold.

    Returns:
        uint8 (H, W, C), and what was lost.

    Raises:
        UnusableImage: the range of the pixels is unknown (32-bit or float), or some are above white.
        OSError: the file is damaged.
    """
    original = image.size
    if size is not None and image.format == "JPEG":
        image.draft(
            image.mode, (2 * max(size), 2 * max(size))
        )  # decodes at 1/2, 1/4 or 1/8 of the size if that suffices
    turned, reduced = orientation(image) in range(5, 9), is_reduced(image)
    image, deep, highest, top = _eight_bit(upright(with_true_key(image)), white)
    transparent = False
    if channels != "rgba" and image.has_transparency_data:
        image, transparent = _on_white(image)
    if image.mode != MODES[channels]:
        image = image.convert(MODES[channels])
    whole, colours = image, min(COUNT[channels], 3)
    cropped = enlarged = False
    if size is not None:
        image = cover(image, size)
        cropped, enlarged = misfit(original[::-1] if turned else original, size)
    pixels = np.asarray(image).reshape(image.height, image.width, -1)
    if highest is None:  # of a dark image, that isn't one only since it was made smaller
        highest = _highest(image, colours)
        highest = highest if highest > BRIGHT else _highest(whole, colours)
    return pixels, Loss(transparent, deep or reduced, cropped, enlarged, highest, top)


def misfit(found: tuple[int, int], size: tuple[int, int]) -> tuple[bool, bool]:
    """Return whether an image of (width, height) is cropped, and whether it is enlarged, to (height, width)."""
    width, height = found
    scale = min(width / size[1], height / size[0])
    cropped = max(width - size[1] * scale, height - size[0] * scale) >= 1
    return cropped, width < size[1] or height < size[0]


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


def is_reduced(image: Image.Image) -> bool:
    """Return True for a file that isn't loaded yet, of 16 bits in colour, which Pillow reduces to 8 bits."""
    raw = _raw_mode(image)
    return raw.startswith(("RGB", "LA")) and ";16" in raw


def _raw_mode(image: Image.Image) -> str:
    """Return the form of the pixels in a file that isn't loaded yet; empty if there is none."""
    tile = getattr(image, "tile", None)
    args = tile[0][3] if tile else ""
    return str(args[0] if isinstance(args, tuple) and args else args)


def with_true_key(image: Image.Image) -> Image.Image:
    """Scale the colour or grey level that is transparent in a PNG as Pillow scales the pixels, which it forgets."""
    key, raw = image.info.get("transparency"), _raw_mode(image)
    if image.format == "PNG" and isinstance(key, tuple) and raw.startswith("RGB;16"):
        image.info["transparency"] = tuple(value >> 8 for value in key)
    if image.format == "PNG" and isinstance(key, int) and raw in ("L;2", "L;4"):
        image.info["transparency"] = key * (85 if raw == "L;2" else 17)
    return image


def _eight_bit(image: Image.Image, white: float | None) -> tuple[Image.Image, bool, float | None, float]:
    """Scale an image to 8 bits, where Pillow's own conversion clips.

    Returns:
        The image; whether bits were lost; its highest value, or None if it still has it; and the highest that its type
        can hold.
    """
    if image.mode == "F" or image.mode.startswith("I"):
        return _scaled(image, white)
    if image.mode not in ("L", "LA", "RGB", "RGBA"):
        image = image.convert("RGBA" if image.has_transparency_data else "L" if is_grey(image) else "RGB")
    if white is None:
        return image, False, None, 255
    if "transparency" in image.info:  # a colour, that is about to change
        image = image.convert("RGBA")
    colours = len(image.getbands()) - (image.mode in ("LA", "RGBA"))
    highest = _highest(image, colours)
    _check_white(highest, white)
    table = [min(255, round(value * 255 / white)) for value in range(256)]
    return image.point(table * colours + [*range(256)] * (len(image.getbands()) - colours)), False, highest, 255


def _scaled(image: Image.Image, white: float | None) -> tuple[Image.Image, bool, float, float]:
    """Scale an image of 16 or 32 bits or of floats to 8 bits, as `_eight_bit` returns it."""
    values = np.asarray(image)
    if image.mode == "F" and white is None:
        raise UnusableImage("floating-point pixels of unknown range; which is white? " + option("max_value"))
    if not np.isfinite(values).all():
        raise UnusableImage("pixels that are NaN or infinite")
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    if white is None and (low < 0 or high > 65535):
        raise UnusableImage("32-bit pixels of unknown range; which is white? " + option("max_value"))
    if low < 0:
        raise UnusableImage(f"pixels below 0 (down to {low:g})")
    _check_white(high, 65535 if white is None else white)
    steps = values.astype(np.float64) * (255 / (65535 if white is None else white))
    pixels = np.floor(steps + 0.5).astype(np.uint8)
    deep = bool((np.abs(steps - pixels) > 1e-3).any())
    key = image.info.get("transparency")
    out = Image.fromarray(pixels)
    if key is not None:
        out = Image.merge("LA", [out, Image.fromarray(np.where(values == key, 0, 255).astype(np.uint8))])
    return out, deep, high, 65535 if image.mode != "F" else high


def _highest(image: Image.Image, bands: int) -> int:
    """Return the highest value in the first bands of an 8-bit image."""
    return int(np.asarray(image.getextrema()).reshape(-1, 2)[:bands, 1].max())


def _check_white(highest: float, white: float) -> None:
    if highest > white:
        raise UnusableImage(f"pixels of {highest:g}, above white ({option('max_value', white)})")


def _on_white(image: Image.Image) -> tuple[Image.Image, bool]:
    """Lay an image that has transparency on white; return it, and whether it is transparent anywhere."""
    image = image.convert("RGBA")
    opaque = np.asarray(image.getchannel("A")).min(initial=255) == 255
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image), not opaque


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


def checked_pixels(items: object) -> np.ndarray:
    """Return images as an array (n, H, W, C) of finite numbers.

    Raises:
        ZaohuaError: they are no array (n, H, W) or (n, H, W, C) of numbers; the message says what is wrong.
    """
    pixels = as_array(items, "images")
    if pixels.ndim not in (3, 4) or pixels.dtype.kind not in "buif":
        hint = ": give X.astype(np.float32)" if pixels.dtype == object and pixels.ndim in (3, 4) else ""
        raise ZaohuaError(f"images must be numbers (n, H, W) or (n, H, W, C), not {pixels.dtype} {pixels.shape}{hint}")
    if 0 in pixels.shape:
        raise ZaohuaError(f"no images: the array is of shape {pixels.shape}")
    if pixels.ndim == 3 and pixels.shape[2] in (3, 4) and min(pixels.shape[:2]) > 4:
        raise ZaohuaError(f"an array of shape {pixels.shape} looks like a single image: give X[None]")
    if pixels.ndim == 4 and pixels.shape[3] > 4:
        hint = ": channels come last, so transpose it with (0, 2, 3, 1)" if pixels.shape[1] <= 4 else ""
        raise ZaohuaError(f"images can have 1 to 4 channels, not {pixels.shape[3]} (shape {pixels.shape}){hint}")
    if pixels.dtype.kind == "f":
        for i, image in enumerate(pixels):
            if not np.isfinite(image).all():
                raise ZaohuaError(f"image {i} has pixels that are NaN or infinite: leave it out or repair it")
    return pixels if pixels.ndim == 4 else pixels[..., None]
