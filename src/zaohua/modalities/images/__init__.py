"""Images: arrays, files and Pillow's images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from zaohua.core.advice import option
from zaohua.core.notes import note
from zaohua.modalities.modality import Modality, Read, refuse_split

if TYPE_CHECKING:
    from zaohua.modalities.base import Codec
    from zaohua.modalities.condition_base import ConditionCodec
    from zaohua.modalities.data_set import DataSet
    from zaohua.modalities.images.files import ImageFiles

HEIC = frozenset({".heic", ".heif", ".hif"})
"""Endings of images that are read if pillow-heif is installed."""
READS_HEIC = find_spec("pillow_heif") is not None
SUFFIXES = frozenset(
    ".png .apng .jpg .jpeg .jpe .jfif .mpo .bmp .dib .gif .webp .tif .tiff .ppm .pgm .pbm .pnm .avif .avifs .tga .jp2 "
    ".j2k .jpx .jpf .j2c .jpc".split()
) | (HEIC if READS_HEIC else frozenset())
"""Endings by which a file is taken for an image; its content decides what it really is."""
UNREAD = ".jxl .psd .psb .xcf .svg .svgz .ico .icns .dds .exr .hdr .qoi .cr2 .cr3 .nef .arw .dng .orf .rw2 .raf".split()
"""Endings of images that can't be read."""
ARRAYS = frozenset({".npz", ".npy"})
"""Endings of files that hold an array of images."""


class Images(Modality):
    """Images of one size, grey or in colour."""

    name: ClassVar[str] = "images"
    noun: ClassVar[str] = "images"
    suffixes: ClassVar[frozenset[str]] = SUFFIXES
    other_suffixes: ClassVar[frozenset[str]] = ARRAYS
    convert: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(UNREAD, "convert them to .png"),
        **({} if READS_HEIC else dict.fromkeys(sorted(HEIC), "pip install 'zaohua[heic]' reads them")),
    }
    given: ClassVar[str] = "an array (n, H, W) or (n, H, W, C), or a list of images"
    protocol: ClassVar[str | None] = "zaohua.modalities.images.evaluation:ImageProtocol"
    page: ClassVar[str | None] = "zaohua.modalities.images.page"
    suites: ClassVar[str | None] = "zaohua.modalities.images.suites:SUITES"
    original: ClassVar[str | None] = "zaohua.modalities.images.original:Picture"

    @property
    def codecs(self) -> tuple[type[Codec], ...]:
        """The codec of pixels."""
        from zaohua.modalities.images.codec import ImageCodec

        return (ImageCodec,)

    @property
    def condition_codecs(self) -> tuple[type[ConditionCodec], ...]:
        """The codec of what is seen of pictures."""
        from zaohua.modalities.images.observed import ObservedImages

        return (ObservedImages,)

    def recognises(self, X: object) -> bool:
        """Return whether X is an array of images, a list of Pillow's images or of arrays, or `ImageFiles`."""
        import numpy as np
        from PIL import Image

        from zaohua.modalities.images.files import ImageFiles

        if isinstance(X, list):
            return any(isinstance(item, Image.Image) for item in X) or _different_sizes(X)
        return isinstance(X, ImageFiles) or (isinstance(X, np.ndarray) and X.ndim in (3, 4))

    def collect(self, X: object, labels: Sequence[object] | None = None) -> object:
        """Return arrays as they are, and lists of images as `ImageFiles`."""
        from PIL import Image

        from zaohua.modalities.files.values import all_of
        from zaohua.modalities.images.files import ImageFiles

        if not isinstance(X, list):
            return X
        if _different_sizes(X):
            return ImageFiles([Image.fromarray(array) for array in X])
        return ImageFiles(all_of(X, Image.Image, "images of Pillow's"))

    def open(self, paths: Sequence[Path], labels: Sequence[object] | None = None) -> ImageFiles:
        """Return the images of some files."""
        from zaohua.modalities.images.files import ImageFiles

        return ImageFiles(paths, labels)

    def count(self, folder: Path, suffixes: Counter[str]) -> int:
        """Return how many image files a folder holds; an IDX file of images counts as all of the folder."""
        from zaohua.modalities.files.arrays import find_idx

        return sum(suffixes.values()) if find_idx(folder, "train") else super().count(folder, suffixes)

    def read_folder(self, folder: Path, labelled: bool, split: str | None = None) -> Read | None:
        """Read a folder of images, or of the IDX files in which MNIST comes."""
        from zaohua.modalities.files.arrays import find_idx, read_idx

        found = find_idx(folder, split or "train")
        if found is None:
            return super().read_folder(folder, labelled, split)
        images, labels = found
        files = [path for path in found if path is not None]
        for other in {"train", "test"} - {split or "train"}:
            if apart := find_idx(folder, other):
                if split is None:
                    note(f"{apart[0].name} kept apart: {option('split', other)}")
                files += [path for path in apart if path is not None]
        return Read(read_idx(images), None if labels is None else read_idx(labels).tolist(), files)

    def read_file(self, path: Path, split: str | None = None) -> Read | None:
        """Read a file that holds many images (an .npz, an .npy or an IDX file), or one, or one on each of its pages."""
        from zaohua.modalities.files.arrays import idx_labels, is_idx, read_idx, read_npz

        suffix = path.suffix.casefold()
        if suffix in ARRAYS:
            refuse_split(path, split)
            images, labels = read_npz(path)
            return Read(images, None if labels is None else labels.tolist())
        if suffix in self.suffixes:
            refuse_split(path, split)
            return Read(self.open([path]), None)
        if not is_idx(path):
            return None
        refuse_split(path, split)
        beside = idx_labels(path)
        return Read(read_idx(path), None if beside is None else read_idx(beside).tolist())

    @property
    def datasets(self) -> tuple[DataSet, ...]:
        """The digits of scikit-learn, and the data sets of MNIST's form."""
        from zaohua.modalities.images.datasets import DATASETS

        return DATASETS


def _different_sizes(X: list[object]) -> bool:
    """Return whether X is a list of 8-bit arrays that are images of different sizes."""
    import numpy as np

    return bool(X) and all(
        isinstance(a, np.ndarray) and a.dtype == np.uint8 and (a.ndim == 2 or (a.ndim == 3 and a.shape[2] in (3, 4)))
        for a in X
    )
