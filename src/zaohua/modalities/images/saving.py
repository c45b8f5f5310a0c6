"""Writing of single pictures with their metadata, in the format that a file's ending names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from PIL import Image

from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import note
from zaohua.modalities.images.metadata import Metadata
from zaohua.storage.outputs import whole_file


class Format(NamedTuple):
    """What a format can hold, and how it is written.

    Attributes:
        name: as Pillow calls it.
        alpha: whether pictures may be transparent.
        deep: whether grey pictures may have 16 bits.
        exact: whether pixels stay as they are.
        options: of Pillow's `save`.
    """

    name: str
    alpha: bool = False
    deep: bool = False
    exact: bool = True
    options: Mapping[str, object] = MappingProxyType({})


PNG = Format("PNG", alpha=True, deep=True)
JPEG = Format("JPEG", exact=False, options={"quality": 95, "subsampling": 0})
TIFF = Format("TIFF", alpha=True, deep=True, options={"compression": "tiff_lzw"})
WEBP = Format("WEBP", alpha=True, options={"lossless": True})
AVIF = Format("AVIF", alpha=True, exact=False, options={"quality": 95})
PPM = Format("PPM", deep=True)
JPEG2000 = Format("JPEG2000", alpha=True)
GIF = Format("GIF", exact=False)
BY_ENDING: dict[str, Format] = {
    **dict.fromkeys((".png", ".apng"), PNG),
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"), JPEG),
    **dict.fromkeys((".tif", ".tiff"), TIFF),
    **dict.fromkeys((".ppm", ".pgm", ".pnm"), PPM),
    **dict.fromkeys((".jp2", ".j2k", ".jpx", ".jpf", ".j2c", ".jpc"), JPEG2000),
    **dict.fromkeys((".bmp", ".dib"), Format("BMP")),
    ".webp": WEBP,
    ".avif": AVIF,
    ".gif": GIF,
    ".tga": Format("TGA", alpha=True),
}
"""Formats that are written, by the ending of a file."""


def save_picture(pixels: np.ndarray, alpha: np.ndarray | None, path: Path, kept: Metadata) -> None:
    """Write a picture to a new file, and note what the format can't hold.

    Args:
        pixels: uint8 (H, W) or (H, W, 3), or uint16 (H, W).
        alpha: uint8 (H, W), or None if it is opaque.
        path: the file, with one of the endings of `BY_ENDING`.
        kept: metadata.

    Raises:
        ZaohuaError: the file can't be written.
    """
    form, ending = BY_ENDING[path.suffix.casefold()], path.suffix
    if pixels.dtype == np.uint16 and (not form.deep or alpha is not None):
        note(f"reduced from 16 bits to 8 in a {ending}" + (" that is transparent" if form.deep else ""))
        pixels = eight_bits(pixels)
    if alpha is not None and not form.alpha:
        note(f"transparency isn't kept in a {ending}")
        alpha = None
    if alpha is not None:
        colours = pixels if pixels.ndim == 3 or form.name in ("PNG", "TIFF", "TGA", "JPEG2000") else _rgb(pixels)
        pixels = np.dstack([colours, alpha])
    image = Image.fromarray(pixels)
    if form is GIF and image.mode != "L":
        note("colours are reduced to 256 in a .gif")
    options = {**form.options, **kept.options(form.name, image.size)}
    if form is TIFF and "exif" in options:
        del options["compression"]  # by libtiff, through which Pillow can't write all EXIF data
    with whole_file(path) as temporary:
        try:
            image.save(temporary, form.name, **options)
        except (ValueError, KeyError) as error:
            raise ZaohuaError(f"{path}: can't be written in this format: {error}") from error


def eight_bits(pixels: np.ndarray) -> np.ndarray:
    """Round 16-bit pixels to 8 bits."""
    return ((pixels.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)


def _rgb(pixels: np.ndarray) -> np.ndarray:
    """Return grey pixels (H, W) as (H, W, 3)."""
    return pixels[:, :, None].repeat(3, axis=2)
