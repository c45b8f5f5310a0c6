"""Pictures in files: headers are looked at first, each file is decoded once by threads, what is broken is left out."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, overload

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.modalities.base import Codes
from zaohua.modalities.files.arrays import free_memory
from zaohua.modalities.files.codes import FileCodes
from zaohua.modalities.files.items import FileItems, in_threads
from zaohua.modalities.images.pixels import COUNT, UnusableImage, is_grey, orientation, to_pixels

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
"""What Pillow may try: never formats that run programs (EPS)."""
TURNED = (5, 6, 7, 8)
"""EXIF orientations that swap height and width."""

Source = Path | Image.Image


class ImageHeader(NamedTuple):
    """What a file says of its picture: (height, width) when upright, and whether it is grey."""

    size: tuple[int, int]
    grey: bool


class ImageFiles(FileItems[Source], Sequence[np.ndarray]):
    """Pictures not yet decoded, in a fixed order: files, or images of Pillow's.

    Codecs decode them to one size and leave out what is broken; the labels of those go with them (see `FileItems`).
    """

    noun: ClassVar[str] = "images"

    def __init__(self, sources: Sequence[Source], labels: Sequence[Any] | None = None):
        super().__init__(sources, labels)
        self._headers: list[ImageHeader] | None = None

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[np.ndarray]: ...
    def __getitem__(self, index: int | slice) -> np.ndarray | Sequence[np.ndarray]:
        """A picture in its own size, uint8 (H, W) if it is grey, else (H, W, 3); a slice is an `ImageFiles`."""
        if isinstance(index, slice):
            return ImageFiles(self.sources[index], None if self.labels is None else self.labels[index])
        with _opened(self.sources[index]) as image:
            pixels = to_pixels(image, "grey" if is_grey(image) else "rgb")
        return pixels[:, :, 0] if pixels.shape[2] == 1 else pixels

    @property
    def paths(self) -> list[str]:
        """Names of the pictures that are left, for people."""
        return [_name(source, i) for i, source in enumerate(self.sources)]

    @property
    def all_grey(self) -> bool:
        """Whether no picture has colour."""
        return all(header.grey for header in self._headers or ())

    def check_headers(self, max_pixels: int) -> None:
        """Look at each header once; leave out what is no picture, damaged, or has more than `max_pixels` pixels."""
        found: list[ImageHeader | str] = list(self._headers or _in_threads(_header, self.sources))
        for i, header in enumerate(found):
            if isinstance(header, ImageHeader) and header.size[0] * header.size[1] > max_pixels:
                found[i] = f"{_wide(header.size)} pixels, more than {max_pixels / 1e6:g} million"
        self._headers = [header for header in found if isinstance(header, ImageHeader)]
        self.drop_failed(found)

    def common_size(self) -> tuple[int, int]:
        """(height, width) of all pictures. Raises a `ZaohuaError` naming two whose sizes differ."""
        assert self._headers is not None
        self.check_size(self._headers[0].size, self.paths[0])
        return self._headers[0].size

    def check_size(self, size: tuple[int, int], like: str = "the training images") -> None:
        """Raise a `ZaohuaError` naming the first picture that isn't of (height, width) `size`."""
        for name, header in zip(self.paths, self._headers or (), strict=True):
            if header.size != size:
                sizes = f"{name} is {_wide(header.size)} pixels, {like} {_wide(size)}"
                raise ZaohuaError(f"sizes differ: {sizes}; say size= to scale them all")

    def decode(self, channels: str, size: tuple[int, int], memory: float | None) -> Codes:
        """All pictures as uint8 codes (n, C, H, W): one tensor if it fits, else gathered from the files.

        Every file is decoded once here, in either case, so that whatever is broken is known before training.

        Args:
            channels: "grey", "rgb" or "rgba".
            size: (height, width) to scale and crop to.
            memory: GiB that the pictures may take; None for a quarter of the free memory.
        """
        kept = self.condition_mask((channels, size))
        if kept is not None:
            return kept
        shape = (len(self), *size, COUNT[channels])
        keep = np.prod(shape, dtype=float) <= (free_memory() / 4 if memory is None else memory * 2**30)
        pixels = np.empty(shape if keep else (0,), np.uint8)

        def work(row: int) -> str | None:
            try:
                picture = _load(self.sources[row], channels, size)
            except Exception as error:  # a damaged file can make Pillow raise anything
                return _reason(error)
            if keep:
                pixels[row] = picture
            return None

        reasons = _in_threads(work, range(len(self)))
        if any(reasons):
            pixels = pixels[[reason is None for reason in reasons]] if keep else pixels
            self.drop_failed(reasons)
        self.report()
        if not keep:
            return PictureCodes(self.sources, channels, size)
        return torch.from_numpy(pixels).permute(0, 3, 1, 2)

    def drop_failed(self, results: Sequence[object]) -> list[bool]:
        """Drop the pictures whose result is a text, and what is known of their headers."""
        keep = super().drop_failed(results)
        if self._headers is not None and len(self._headers) == len(keep):
            self._headers = [header for header, ok in zip(self._headers, keep, strict=True) if ok]
        return keep


class PictureCodes(FileCodes[Source]):
    """Codes of pictures in files, uint8 (b, C, H, W)."""

    def __init__(self, sources: Sequence[Source], channels: str, size: tuple[int, int]):
        super().__init__(sources)
        self.channels, self.size = channels, size

    def __getitem__(self, indices: Any) -> Tensor:
        """As `FileCodes`, channels first."""
        with _quietly():
            return super().__getitem__(indices).permute(0, 3, 1, 2)

    def load(self, source: Source) -> np.ndarray:
        """Its pixels, uint8 (H, W, C)."""
        return _load(source, self.channels, self.size)

    def name(self, source: Source, at: int) -> str:
        """Its path, or its number."""
        return _name(source, at)

    def reason(self, error: Exception) -> str:
        """What is wrong with it."""
        return _reason(error)


class _Opened:
    """`with _opened(source) as image`: a file is closed afterwards, an image of Pillow's stays its owner's."""

    def __init__(self, source: Source):
        self.image = Image.open(source, formats=FORMATS) if isinstance(source, Path) else source.copy()

    def __enter__(self) -> Image.Image:
        return self.image

    def __exit__(self, *exc: object) -> None:
        self.image.close()


def _opened(source: Source) -> _Opened:
    return _Opened(source)


def _header(source: Source) -> ImageHeader | str:
    """The header of a picture, or why it is left out."""
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
    if isinstance(error, Image.UnidentifiedImageError):
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


def _wide(size: tuple[int, int]) -> str:
    return f"{size[1]} x {size[0]}"


def _in_threads(work: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    with _quietly():
        return in_threads(work, items)


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without Pillow's warnings: what is wrong with a file is told by us, once."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield
