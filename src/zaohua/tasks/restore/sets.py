"""Sets of pictures of different sizes, which are restored one by one, and colours that are restored by themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from zaohua.core.arrays import as_array
from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import note
from zaohua.modalities.images.files import ImageFiles
from zaohua.modalities.images.pixels import checked_pixels
from zaohua.modalities.reading import read_with_kind
from zaohua.tasks.restore.request import Request
from zaohua.tasks.restore.restored import Restored

Solve = Callable[[Request], Restored]
"""Solver of pictures of one size."""


def each(request: Request, solve: Solve) -> Restored:
    """Restore pictures of one size, or of any sizes: files, and lists of arrays.

    Args:
        request: what is asked for.
        solve: restores pictures of one size.
    """
    pictures = pictures_of(request.X)
    if isinstance(pictures, np.ndarray):
        return solve(replace(request, X=pictures))
    n, masks = len(pictures), request.mask
    if masks is None or (isinstance(masks, np.ndarray) and masks.ndim == 2):
        masks = [masks] * n
    if len(masks) != n:
        raise ZaohuaError(f"{n} pictures of different sizes but {len(masks)} masks: give a list with one for each")
    parts = request.parts([(picture[None], mask) for picture, mask in zip(pictures, masks, strict=True)])
    return _together([solve(part) for part in parts])


def pictures_of(X: object) -> np.ndarray | list[np.ndarray]:
    """Return pictures as one array, or as a list if they differ in size.

    Args:
        X: an array (n, H, W) or (n, H, W, C), a list of arrays, or a path of files.
    """
    if isinstance(X, (str, Path)):
        X = read_with_kind(X).items
    if not isinstance(X, (list, tuple, ImageFiles)):
        return as_array(X, "images")
    found = [as_array(picture, "images") for picture in X]
    if len({picture.shape for picture in found}) == 1:
        return np.stack(found)
    return found


def first_of(X: object) -> np.ndarray:
    """Return the first of some pictures, see `pictures_of`."""
    if isinstance(X, (str, Path)):
        X = read_with_kind(X).items
    if isinstance(X, (list, tuple, ImageFiles)):
        return as_array(X[0], "images")
    return np.asarray(checked_pixels(X)[0])


def by_channel(request: Request, solve: Solve) -> Restored:
    """Restore each colour of pictures by itself, with a model of grey pictures, from the same noise."""
    pictures = request.X
    note(f"each of the {pictures.shape[-1]} colours is restored by itself")
    parts = [solve(replace(request, X=pictures[..., channel])) for channel in range(pictures.shape[-1])]

    def stacked(arrays: Sequence[Any]) -> np.ndarray:
        return np.stack([array.reshape(array.shape[:3]) for array in arrays], axis=-1)

    deviation = None if parts[0].deviation is None else stacked([part.deviation for part in parts])
    samples = [stacked(channels) for channels in zip(*(part.samples for part in parts), strict=True)]
    return Restored(stacked([part.best for part in parts]), samples, deviation, parts[0].how)


def _together(parts: list[Restored]) -> Restored:
    """Return the results for single pictures as one, whose items are lists."""
    deviations = [part.deviation[0] for part in parts if part.deviation is not None]
    return Restored(
        [part.best[0] for part in parts],
        [[answer[0] for answer in answers] for answers in zip(*(part.samples for part in parts), strict=True)],
        deviations or None,
        " ".join(dict.fromkeys(part.how for part in parts)),
    )
