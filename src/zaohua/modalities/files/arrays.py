"""Readers of array files (IDX, .npy and .npz) that don't trust the headers."""

from __future__ import annotations

import gzip
import math
import os
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING

from zaohua.core.errors import ZaohuaError
from zaohua.core.memory import free_memory
from zaohua.core.notes import note, shown

if TYPE_CHECKING:
    import numpy as np

IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
"""numpy dtypes by the type byte of an IDX header."""
IMAGE_KEYS = ("images", "x", "X", "arr_0")
LABEL_KEYS = ("labels", "y")


def is_idx(path: Path) -> bool:
    """Return True if a file, gzipped or not, starts like an IDX file."""
    try:
        with _open(path) as file:
            start = file.read(4)
    except (OSError, EOFError, zlib.error):
        return False
    return len(start) == 4 and start[:2] == b"\0\0" and start[2] in IDX_TYPES and 1 <= start[3] <= 4


def read_idx(path: Path, max_bytes: int | None = None) -> np.ndarray:
    """Read the array of an IDX file, gzipped or not, in the machine's byte order.

    Args:
        path: the file.
        max_bytes: maximum size of an array; default: half of the free memory.

    Raises:
        ZaohuaError: it isn't an IDX file, is larger than `max_bytes`, or differs in length from its header.
    """
    import numpy as np

    try:
        with _open(path) as file:
            start = file.read(4)
            if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in IDX_TYPES or not start[3]:
                raise ZaohuaError(f"{path}: not an IDX file")
            dtype, dims = np.dtype(IDX_TYPES[start[2]]), start[3]
            lengths = file.read(4 * dims)
            if len(lengths) < 4 * dims:
                raise ZaohuaError(f"{path}: ends within its header")
            shape = struct.unpack(f">{dims}I", lengths)
            size = math.prod(shape) * dtype.itemsize
            _check_size(path, shape, size, max_bytes)
            body = file.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ZaohuaError(f"{path}: can't be read: {error}") from error
    if len(body) != size:
        actual = "more" if len(body) > size else f"{len(body)}"
        raise ZaohuaError(f"{path}: its header announces {size} bytes of data, but {actual} follow")
    return np.frombuffer(body, dtype).reshape(shape).astype(dtype.newbyteorder("="))


def read_npz(path: Path, max_bytes: int | None = None) -> tuple[np.ndarray, np.ndarray | None]:
    """Read (images, labels or None) from an .npz with keys images, x, X or arr_0 and labels or y, or from an .npy.

    Args:
        path: the file; pickled objects in it are rejected.
        max_bytes: maximum size of an array; default: half of the free memory.

    Raises:
        ZaohuaError: the file is damaged, lacks images, holds pickled objects or is larger than `max_bytes`.
    """
    try:
        if path.suffix.casefold() == ".npy":
            with path.open("rb") as file:
                return _read_npy(file, path, max_bytes), None
        with zipfile.ZipFile(path) as archive:
            names = {Path(name).stem: name for name in archive.namelist() if name.endswith(".npy")}
            images, labels = (_first(names, keys) for keys in (IMAGE_KEYS, LABEL_KEYS))
            if images is None:
                held = ", ".join(names) or "nothing"
                raise ZaohuaError(f"{path}: needs images under one of {', '.join(IMAGE_KEYS)}; it holds {held}")
            others = [Path(name).stem for name in archive.namelist() if name not in (images, labels)]
            if others:
                note(f"{path.name}: left out {shown(others)}")
            with archive.open(images) as member:
                items = _read_npy(member, path, max_bytes)
            if labels is None:
                return items, None
            with archive.open(labels) as member:
                return items, _read_npy(member, path, max_bytes)
    except (
        OSError,
        EOFError,
        ValueError,
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,
    ) as error:  # NotImplementedError: an unknown compression method
        if isinstance(error, ZaohuaError):
            raise
        raise ZaohuaError(f"{path}: can't be read: {error}") from error


def _read_npy(file: IO[bytes], path: Path, max_bytes: int | None) -> np.ndarray:
    import numpy as np

    version = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read_header(file)
    if dtype.hasobject:
        raise ZaohuaError(f"{path}: holds Python objects, which are never unpickled: save texts with dtype=str")
    size = math.prod(shape) * dtype.itemsize
    _check_size(path, shape, size, max_bytes)
    body = file.read(size)
    if len(body) != size:
        raise ZaohuaError(f"{path}: its header announces {size} bytes of data, but {len(body)} follow")
    return np.frombuffer(body, dtype).reshape(shape, order="F" if fortran else "C").copy()


def _check_size(path: Path, shape: tuple[int, ...], size: int, max_bytes: int | None) -> None:
    limit = free_memory() // 2 if max_bytes is None else max_bytes
    if min(shape, default=0) < 0:
        raise ZaohuaError(f"{path}: its header announces an array of shape {shape}")
    if size > limit:
        raise ZaohuaError(
            f"{path}: an array of shape {shape} takes {size / 2**30:.1f} GiB, more than the "
            f"{limit / 2**30:.1f} GiB at hand: give a folder of images, which are read on demand"
        )


def _open(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if zipped else path.open("rb")  # type: ignore[return-value]  # both read bytes


def _first(names: dict[str, str], keys: tuple[str, ...]) -> str | None:
    return next((names[key] for key in keys if key in names), None)


def find_idx(folder: Path, split: str) -> tuple[Path, Path | None] | None:
    """Find the IDX files (images, labels or None) of a split in a folder, named like MNIST's; None if there are none.

    Args:
        folder: folder of the files, such as `train-images-idx3-ubyte.gz`.
        split: "train" or "test" (whose files start with `t10k` or `test`).
    """
    starts = ("t10k", "test") if split == "test" else (split,)
    names = sorted(name for name in os.listdir(folder) if "-idx" in name or ".idx" in name)
    for name in names:
        if name.startswith(starts) and "images" in name and "idx3" in name:
            return folder / name, idx_labels(folder / name)
    return None


def idx_labels(images: Path) -> Path | None:
    """Return the file of labels next to a file of images named like MNIST's; None if there is none."""
    name = images.name.replace("images", "labels").replace("idx3", "idx1")
    stem = name.removesuffix(".gz")
    return next(
        (images.parent / n for n in (name, stem, stem + ".gz") if n != images.name and (images.parent / n).is_file()),
        None,
    )
