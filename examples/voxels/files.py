"""The .binvox format: a header in plain text, then runs of a value (0 or 1) and its length, a byte each.

Source: Patrick Min, "binvox voxel file format specification". Its order of axes is x, z, y; here arrays are x, y, z.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

import zaohua as zh

MOST = 1 << 24
"""Voxels of a shape at most."""


def write_binvox(shape: np.ndarray, path: Path) -> Path:
    """Write a shape, bool (X, Y, Z); return the path."""
    flat = np.ascontiguousarray(shape.transpose(0, 2, 1)).ravel().astype(np.uint8)
    starts = np.flatnonzero(np.diff(flat, prepend=flat[0] ^ 1))
    lengths = np.diff(starts, append=len(flat))
    runs = bytearray()
    for value, length in zip(flat[starts], lengths, strict=True):
        for at in range(0, length, 255):
            runs += bytes((value, min(length - at, 255)))
    x, y, z = shape.shape
    header = f"#binvox 1\ndim {x} {z} {y}\ntranslate 0 0 0\nscale 1\ndata\n"
    path.write_bytes(header.encode() + runs)
    return path


def read_binvox(path: Path) -> np.ndarray:
    """Read a shape, bool (X, Y, Z).

    Raises:
        ZaohuaError: the file is damaged; the message names it.
    """
    header, mark, body = path.read_bytes().partition(b"\ndata\n")
    words = [line.split() for line in header.split(b"\n")]
    dims = next((line[1:] for line in words if line[:1] == [b"dim"]), [])
    if not mark or words[0][:1] != [b"#binvox"] or len(dims) != 3 or not all(d.isdigit() for d in dims):
        raise zh.ZaohuaError(f"{path}: is no .binvox file")
    x, z, y = (int(d) for d in dims)
    runs = np.frombuffer(body[: len(body) // 2 * 2], np.uint8).reshape(-1, 2)
    size, held = math.prod((x, y, z)), int(runs[:, 1].sum())
    if not 0 < size <= MOST or held != size:
        raise zh.ZaohuaError(
            f"{path}: its header announces {size} voxels (at most {MOST} are read), and it holds {held}"
        )
    return np.repeat(runs[:, 0] > 0, runs[:, 1]).reshape(x, z, y).transpose(0, 2, 1)
