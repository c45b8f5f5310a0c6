"""Lists of image files: headers are read first, files are decoded once in threads, broken files are dropped."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple, overload

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.modalities.base import Codes, Indices
from zaohua.modalities.files.arrays import free_memory
from zaohua.modalities.files.codes import FileCodes
from zaohua.modalities.files.items import FileItems, ItemT, ResultT, in_threads
from zaohua.modalities.images.pixels import COUNT, UnusableImage, is_grey, orientation, to_pixels

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
"""Formats that Pillow may try; none that run programs (EPS)."""
TURNED = (5, 6, 7, 8)
"""EXIF orientations that swap height and width."""

Source = Path | Image.Image


class ImageHeader(NamedTuple):
    """Metadata from a file's header: upright (height, width), and True if the image is grey."""

    size: tuple[int, int]
    grey: bool


class ImageFiles(FileItems[Source], Sequence[np.ndarray]):
    """Ordered list of images, decoded on access: files, or Pillow images.

    Codecs decode them to one size, and drop broken files with their labels (see `FileItems`).
    """

    noun: ClassVar[str] = "images"

    def __init__(self, sources: Sequence[Source], labels: Sequence[object] | None = None):
        super().__init__(sources, labels)
        self._headers: list[ImageHeader] | None = None

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[np.ndarray]: ...
    def __getitem__(self, index: int | slice) -> np.ndarray | Sequence[np.ndarray]:
        """Load an image in its own size, uint8 (H, W) if grey, else (H, W, 3); a slice returns an `ImageFiles`."""
        if isinstance(index, slice):
            return ImageFiles(self.sources[index], None if self.labels is None else self.labels[index])
        with _opened(self.sources[index]) as image:
            pixels = to_pixels(image, "grey" if is_grey(image) else "rgb")
        return pixels[:, :, 0] if pixels.shape[2] == 1 else pixels

    @property
    def paths(self) -> list[str]:
        """Readable names of the remaining images."""
        return [_name(source, i) for i, source in enumerate(self.sources)]

    @property
    def all_grey(self) -> bool:
        """True if no image has colour."""
        return all(header.grey for header in self._headers or ())

    def check_headers(self, max_pixels: int) -> None:
        """Read each header once; drop files that aren't images, are damaged, or have more than `max_pixels` pixels."""
        results: list[ImageHeader | str] = [*self._headers] if self._headers else _in_threads(_header, self.sources)
        for i, header in enumerate(results):
            if isinstance(header, ImageHeader) and header.size[0] * header.size[1] > max_pixels:
                results[i] = f"{_format_size(header.size)} pixels, more than {max_pixels / 1e6:g} million"
        self._headers = [header for header in results if isinstance(header, ImageHeader)]
        self.drop_failed(results)

    def common_size(self) -> tuple[int, int]:
        """Return the (height, width) of all images; raise a `ZaohuaError` that names two of different sizes."""
        assert self._headers is not None
        self.check_size(self._headers[0].size, self.paths[0])
        return self._headers[0].size

    def check_size(self, size: tuple[int, int], reference: str = "the training images") -> None:
        """Raise a `ZaohuaError` that names the first image that isn't of (height, width) `size`."""
        for name, header in zip(self.paths, self._headers or (), strict=True):
            if header.size != size:
                sizes = f"{name} is {_format_size(header.size)} pixels, {reference} {_format_size(size)}"
                raise ZaohuaError(f"sizes differ: {sizes}; give size= to resize all of them")

    def decode(self, channels: str, size: tuple[int, int], memory: float | None) -> Codes:
        """Decode all images to uint8 (n, C, H, W): one tensor if it fits into memory, else read on demand.

        In either case every file is decoded here once, so that broken files are found before training.

        Args:
            channels: "grey", "rgb" or "rgba".
            size: (height, width) to resize and crop to.
            memory: limit in GiB; None for a quarter of the free memory.
        """
        cached: Codes | None = self.pop_cached((channels, size))
        if cached is not None:
            return cached
        shape = (len(self), *size, COUNT[channels])
        fits = np.prod(shape, dtype=float) <= (free_memory() / 4 if memory is None else memory * 2**30)
        pixels = np.empty(shape if fits else (0,), np.uint8)

        def work(row: int) -> str | None:
            try:
                image = _load(self.sources[row], channels, size)
            except Exception as error:  # a damaged file can make Pillow raise anything
                return _reason(error)
            if fits:
                pixels[row] = image
            return None

        reasons = _in_threads(work, range(len(self)))
        if any(reasons):
            pixels = pixels[[reason is None for reason in reasons]] if fits else pixels
            self.drop_failed(reasons)
        self.report()
        if not fits:
            return EncodedImages(self.sources, channels, size)
        return torch.from_numpy(pixels).permute(0, 3, 1, 2)

    def drop_failed(self, results: Sequence[object]) -> list[bool]:
        """Remove images whose result is an error message (str), and their headers; return a mask of those kept."""
        mask = super().drop_failed(results)
        if self._headers is not None and len(self._headers) == len(mask):
            self._headers = [header for header, ok in zip(self._headers, mask, strict=True) if ok]
        return mask


class EncodedImages(FileCodes[Source]):
    """Images that are read from files on demand, uint8 (b, C, H, W)."""

    def __init__(self, sources: Sequence[Source], channels: str, size: tuple[int, int]):
        super().__init__(sources)
        self.channels, self.size = channels, size

    def __getitem__(self, indices: Indices) -> Tensor:
        """Return the images at `indices`, uint8 (b, C, H, W)."""
        with _without_warnings():
            return super().__getitem__(indices).permute(0, 3, 1, 2)

    def load(self, source: Source) -> np.ndarray:
        """Load the pixels of an image, uint8 (H, W, C)."""
        return _load(source, self.channels, self.size)

    def name(self, source: Source, at: int) -> str:
        """Return the path of an image, or its index."""
        return _name(source, at)

    def reason(self, error: Exception) -> str:
        """Describe an error in a few words."""
        return _reason(error)


class _Opened:
    """Context of an opened image: files are closed afterwards; Pillow images are copied and stay open."""

    def __init__(self, source: Source):
        self.image = Image.open(source, formats=FORMATS) if isinstance(source, Path) else source.copy()

    def __enter__(self) -> Image.Image:
        return self.image

    def __exit__(self, *exc: object) -> None:
        self.image.close()


def _opened(source: Source) -> _Opened:
    return _Opened(source)


def _header(source: Source) -> ImageHeader | str:
    """Read the header of an image; return an error message if that fails."""
    try:
        if isinstance(source, Path) and source.stat().st_size == 0:
            return "empty"
        image = Image.open(source, formats=FORMATS) if isinstance(source, Path) else source
        width, height = image.size
        turned = orientation(image) in TURNED
        header = ImageHeader((width, height) if turned else (height, width), is_grey(image))
        if isinstance(source, Path):
            image.close()
    except Exception as error:  # a damaged file can make Pillow raise anything
        return _reason(error)
    return header if width * height else "no pixels"


def _load(source: Source, channels: str, size: tuple[int, int]) -> np.ndarray:
    with _opened(source) as image:
        return to_pixels(image, channels, size)


def _reason(error: BaseException) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "not an image"
    if isinstance(error, Image.DecompressionBombError):
        return "too many pixels"
    if isinstance(error, UnusableImage):
        return str(error)
    if "truncated" in str(error).casefold() or isinstance(error, EOFError):
        return "truncated"
    return f"damaged: {str(error).splitlines()[0][:80] if str(error) else type(error).__name__}"


def _name(source: Source, at: int) -> str:
    return str(source) if isinstance(source, Path) else f"image {at}"


def _format_size(size: tuple[int, int]) -> str:
    return f"{size[1]} x {size[0]}"


def _in_threads(work: Callable[[ItemT], ResultT], items: Sequence[ItemT]) -> list[ResultT]:
    with _without_warnings():
        return in_threads(work, items)


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """Suppress Pillow's warnings, because problems of files are reported by `FileItems`."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield
