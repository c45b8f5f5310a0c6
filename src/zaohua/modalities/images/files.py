"""Lists of image files: headers are read first, files are decoded once in threads, broken files are dropped."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple, Self, overload

import numpy as np
import torch
from torch import Tensor

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.memory import free_memory
from zaohua.modalities.base import Codes, Indices
from zaohua.modalities.files.codes import FileCodes
from zaohua.modalities.files.items import FileItems, ItemT, ResultT, in_threads
from zaohua.modalities.images.losses import tell_losses, tell_pages
from zaohua.modalities.images.opening import (
    MOST_PAGES,
    PAGED,
    ImageHeader,
    Page,
    Source,
    header,
    name_of,
    opened,
    reason,
)
from zaohua.modalities.images.pixels import COUNT, Loss, convert, is_grey, to_pixels


class Form(NamedTuple):
    """Form that all images of a model are decoded to.

    Attributes:
        channels: "grey", "rgb" or "rgba".
        size: (height, width) to resize and crop to; None keeps the size of each image.
        white: value of white in the files; None for the highest that their types can hold.
    """

    channels: str
    size: tuple[int, int] | None
    white: float | None = None

    def load(self, source: Source) -> tuple[np.ndarray, Loss]:
        """Decode an image, uint8 (H, W, C), and return what it lost."""
        with opened(source) as image:
            return convert(image, self.channels, self.size, self.white)


def room(memory: float | None) -> float:
    """Convert a limit of memory from GiB to bytes; None gives a quarter of the free memory."""
    return free_memory() / 4 if memory is None else memory * 2**30


class ImageFiles(FileItems[Source], Sequence[np.ndarray]):
    """Ordered list of images, decoded on access: files, their pages, or Pillow images.

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
            return self.take(range(len(self))[index])
        with opened(self.sources[index]) as image:
            pixels = to_pixels(image, "grey" if is_grey(image) else "rgb")
        return pixels[:, :, 0] if pixels.shape[2] == 1 else pixels

    @property
    def paths(self) -> list[str]:
        """Readable names of the remaining images."""
        return [name_of(source, i) for i, source in enumerate(self.sources)]

    @property
    def all_grey(self) -> bool:
        """True if no image has colour."""
        return all(found.grey for found in self._headers or ())

    def check_headers(self, max_pixels: int) -> None:
        """Read each header once; drop files that aren't images, are damaged, or have more than `max_pixels` pixels."""
        results: list[ImageHeader | str] = [*self._headers] if self._headers else _in_threads(header, self.sources)
        for i, found in enumerate(results):
            if isinstance(found, ImageHeader) and found.size[0] * found.size[1] > max_pixels:
                results[i] = f"{_format_size(found.size)} pixels, more than {max_pixels / 1e6:g} million"
        self._headers = None
        self.drop_failed(results)
        self._headers = [found for found in results if isinstance(found, ImageHeader)]

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """Upright (height, width) of each image, once the headers are checked."""
        return [found.size for found in self._headers or ()]

    def drop_smaller(self, least: int) -> None:
        """Drop images that are smaller than a patch, of `least` pixels each way."""
        patch = f"smaller than the patch of {least} x {least}"
        self.drop_failed(
            [f"{_format_size(size)} pixels, {patch}" if min(size) < least else None for size in self.sizes]
        )

    def common_size(self) -> tuple[int, int]:
        """Return the (height, width) of all images; raise a `ZaohuaError` that names two of different sizes."""
        assert self._headers is not None
        self.check_size(self._headers[0].size, self.paths[0])
        return self._headers[0].size

    def check_size(self, size: tuple[int, int], reference: str | None = None) -> None:
        """Raise a `ZaohuaError` that names the first image that isn't of (height, width) `size`.

        Args:
            size: the size wanted.
            reference: the training image that has it; None if training is over, and the size can't be chosen any more.
        """
        for name, found in zip(self.paths, self._headers or (), strict=True):
            if found.size != size:
                sizes = f"{name} is {_format_size(found.size)} pixels, {reference or 'the training images'}"
                remedy = f"give {option('size')} to resize all of them" if reference else "resize it"
                raise ZaohuaError(f"sizes differ: {sizes} {_format_size(size)}; {remedy}")

    def pages(self, max_pixels: int) -> ImageFiles:
        """Return a copy in which each page or frame of a file is an image, in the row of its file.

        Args:
            max_pixels: pages with more pixels are dropped, as `check_headers` does.
        """
        self.check_headers(max_pixels)
        sources, owners = list[Source](), list[int]()
        for i, (source, found) in enumerate(zip(self.sources, self._headers or (), strict=True)):
            parts = _pages_of(source, found)
            sources += parts
            owners += [i] * len(parts)
        return self.copy()._with_parts(sources, owners)

    def _with_parts(self, sources: list[Source], owners: Sequence[int]) -> Self:
        """These files with their pages as images; `owners` are the indices of their files."""
        self._total += len(sources) - len(self.sources)
        self.sources, self.rows, self._headers = sources, self.rows[np.asarray(owners, np.int64)], None
        return self

    def decode(self, form: Form, memory: float | None) -> Codes:
        """Decode all images to uint8 (n, C, H, W): one tensor if it fits into memory, else read on demand.

        In either case every file is decoded here once, so that broken files are found before training, and what images
        lose is told.

        Args:
            form: channels and size.
            memory: limit in GiB; None for a quarter of the free memory.
        """
        assert form.size is not None, "images of several sizes are decoded by decode_each"
        shape = (len(self), *form.size, COUNT[form.channels])
        fits = np.prod(shape, dtype=float) <= room(memory)
        pixels = np.empty(shape if fits else (0,), np.uint8)
        mask = self.decode_each(form, pixels.__setitem__ if fits else None)
        if not fits:
            return EncodedImages(self.sources, form)
        return torch.from_numpy(pixels if all(mask) else pixels[mask]).permute(0, 3, 1, 2)

    def decode_each(self, form: Form, take: Callable[[int, np.ndarray], object] | None) -> list[bool]:
        """Decode every image once, drop broken ones, and tell what images lose.

        Args:
            form: channels and size.
            take: called in threads with the index of an image and its pixels, uint8 (H, W, C).

        Returns:
            A mask of the images that were kept.
        """
        alike: dict[Loss, Loss] = {}  # most images lose the same, so a million of them take no memory

        def work(row: int) -> str | Loss:
            try:
                image, loss = form.load(self.sources[row])
            except Exception as error:  # a damaged file can make Pillow raise anything
                return reason(error)
            if take is not None:
                take(row, image)
            return alike.setdefault(loss, loss)

        results = _in_threads(work, range(len(self)))
        losses = [result for result in results if isinstance(result, Loss)]
        if len(losses) < len(results):
            self.drop_failed(results)
        self.report()
        headers = zip(self._headers or (), self.sources, strict=False)
        tell_pages([found for found, source in headers if not isinstance(source, Page)])
        tell_losses(losses, form.white)
        return [isinstance(result, Loss) for result in results]

    def _keep(self, at: Sequence[int]) -> None:
        super()._keep(at)
        if self._headers is not None:
            self._headers = [self._headers[i] for i in at]

    @staticmethod
    def file_of(source: Source) -> Path | None:
        """Return the file of an image or a page; None for an image of Pillow's."""
        file = source.path if isinstance(source, Page) else source
        return file if isinstance(file, Path) else None


class EncodedImages(FileCodes[Source]):
    """Images that are read from files on demand, uint8 (b, C, H, W)."""

    def __init__(self, sources: Sequence[Source], form: Form):
        super().__init__(sources)
        self.form = form

    def __getitem__(self, indices: Indices) -> Tensor:
        """Return the images at `indices`, uint8 (b, C, H, W)."""
        with _without_warnings():
            return super().__getitem__(indices).permute(0, 3, 1, 2)

    def load(self, source: Source) -> np.ndarray:
        """Load the pixels of an image, uint8 (H, W, C)."""
        return self.form.load(source)[0]

    def name(self, source: Source, at: int) -> str:
        """Return the path of an image, or its index."""
        return name_of(source, at)

    def reason(self, error: Exception) -> str:
        """Describe an error in a few words."""
        return reason(error)


def _pages_of(source: Source, found: ImageHeader) -> list[Source]:
    """Return the pages of a file, or copies of the frames of an image in memory; the source itself if it has one."""
    pages = min(found.pages, MOST_PAGES)
    if pages == 1 or isinstance(source, Page) or (found.format and found.format not in PAGED):
        return [source]
    if isinstance(source, Path):
        return [Page(source, number) for number in range(pages)]
    frames, current = list[Source](), source.tell()
    for number in range(pages):
        source.seek(number)
        frames.append(source.copy())
    source.seek(current)
    return frames


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
