"""Opening of image files: the formats that are read, their headers and pages, and PNG files with large texts.

Only decoders of this list are tried, whatever a file is called; none of them runs programs, as that of EPS does. Sizes
come from headers, and nothing is decoded that has more pixels than is allowed.
"""

from __future__ import annotations

import contextlib
import functools
import io
import struct
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple, TypeAlias

from PIL import Image, UnidentifiedImageError

from zaohua.modalities.images.pixels import UnusableImage, is_grey, orientation

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM", "AVIF", "JPEG2000")
"""Formats that Pillow may try."""
BY_ENDING = {".tga": "TGA", ".dib": "DIB"}
"""Formats that nothing in a file tells from other data, so that only files with these endings are taken for them."""
TURNED = (5, 6, 7, 8)
"""EXIF orientations that swap height and width."""
HEIF = (".heic", ".heif", ".hif")
"""Endings of files that pillow-heif decodes."""
PAGED = ("TIFF", "GIF", "PNG", "WEBP", "AVIF", "HEIF")
"""Formats with several pages or frames; those of others (MPO) are previews and depths of the same picture."""
MOST_PAGES = 10_000
"""Maximum number of pages of a file."""
TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt", b"iCCP"})
"""Chunks of PNG files that aren't pixels; Pillow refuses files where they are large."""


class Page(NamedTuple):
    """One of several pages, or frames, of a file."""

    path: Path
    number: int


Source: TypeAlias = Path | Page | Image.Image
"""Where an image is: in a file, on a page of a file, or in memory."""


class ImageHeader(NamedTuple):
    """Metadata from a file's header.

    Attributes:
        size: upright (height, width).
        grey: True if the image is grey.
        pages: number of pages or frames.
        format: name of the format; empty for images in memory.
    """

    size: tuple[int, int]
    grey: bool
    pages: int = 1
    format: str = ""


@contextlib.contextmanager
def opened(source: Source) -> Iterator[Image.Image]:
    """Open an image: files are closed afterwards; Pillow images are copied and stay open."""
    if isinstance(source, Image.Image):
        yield source.copy()
        return
    with open_file(source.path if isinstance(source, Page) else source) as image:
        if isinstance(source, Page):
            image.seek(source.number)
        yield image


def open_file(path: Path) -> Image.Image:
    """Open an image file; its pixels are decoded later. PNG files with large texts or profiles are read without them.

    Raises:
        UnidentifiedImageError: it is of no format that is read.
        OSError, ValueError, and whatever else Pillow raises: it is damaged.
    """
    try:
        return Image.open(path, formats=formats(path.suffix.casefold()))
    except ValueError as error:
        if "MAX_TEXT" not in str(error):
            raise
        return Image.open(_without_texts(path), formats=("PNG",))


@functools.cache
def formats(ending: str) -> tuple[str, ...]:
    """Return the formats that may be tried for files with an ending: `FORMATS`, and HEIF if a decoder is installed."""
    more = [BY_ENDING[ending]] if ending in BY_ENDING else []
    if ending in HEIF and find_spec("pillow_heif") is not None:
        import pillow_heif

        pillow_heif.register_heif_opener()
        more.append("HEIF")
    return (*FORMATS, *more)


def _without_texts(path: Path) -> io.BytesIO:
    """Copy a PNG file into memory, without the chunks that hold texts and colour profiles."""
    data = path.read_bytes()
    kept, at = [data[:8]], 8
    while at + 12 <= len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        if kind not in TEXTS:
            kept.append(data[at : at + 12 + length])
        at += 12 + length
    return io.BytesIO(b"".join(kept))


def header(source: Source) -> ImageHeader | str:
    """Read the header of an image; return an error message if that fails."""
    try:
        if isinstance(source, Path) and source.stat().st_size == 0:
            return "empty"
        if isinstance(source, Image.Image):
            found = _header(source)
        else:
            with opened(source) as image:
                found = _header(image)
    except Exception as error:  # a damaged file can make Pillow raise anything
        return reason(error)
    return found if found.size[0] * found.size[1] else "no pixels"


def _header(image: Image.Image) -> ImageHeader:
    width, height = image.size
    turned = orientation(image) in TURNED
    try:
        pages = int(getattr(image, "n_frames", 1))
    except Exception:  # a damaged page behind the first
        pages = 1
    size = (height, width)
    return ImageHeader(size[::-1] if turned else size, is_grey(image), pages, image.format or "")


def reason(error: BaseException) -> str:
    """Describe in a few words why an image is rejected."""
    if isinstance(error, UnidentifiedImageError):
        return "not an image"
    if isinstance(error, FileNotFoundError):
        return "not there"
    if isinstance(error, Image.DecompressionBombError):
        return "too many pixels"
    if isinstance(error, UnusableImage):
        return str(error)
    if "truncated" in str(error).casefold() or isinstance(error, EOFError):
        return "truncated"
    return f"damaged: {str(error).splitlines()[0][:80] if str(error) else type(error).__name__}"


def name_of(source: Source, at: int) -> str:
    """Return a readable name of an image; `at` is its index, for images in memory."""
    if isinstance(source, Page):
        return f"{source.path} page {source.number + 1}"
    return str(source) if isinstance(source, Path) else f"image {at}"
