"""What shapes are measured by: their sizes, whether they are one piece, how their voxels lie."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage

from zaohua.evaluation.vectors import VectorProtocol


class VoxelProtocol(VectorProtocol):
    """Distances between shapes in numbers that say what a shape is, not where each voxel is."""

    def features(self, items: Any) -> np.ndarray:
        """Return 15 numbers of each shape: see `features_of`."""
        return np.stack([features_of(item[0] > 0) for item in items])


def features_of(shape: np.ndarray) -> np.ndarray:
    """Return numbers of a shape, bool (X, Y, Z), each of about the same spread.

    Volume, surface, three extents, the centre, three moments of inertia, the share of filled voxels around the centre,
    pieces, holes, and how full its box is.
    """
    places = np.argwhere(shape)
    if len(places) < 2:
        return np.zeros(15)
    side, volume = np.array(shape.shape), len(places)
    faces = sum(np.abs(np.diff(np.pad(shape, 1).astype(np.int8), axis=axis)).sum() for axis in range(3))
    extents = (np.ptp(places, axis=0) + 1) / side
    centre = places.mean(0)
    moments = np.sqrt(np.linalg.eigvalsh(np.cov(places.T)).clip(0)) / side.mean()
    low = np.maximum(np.rint(centre).astype(int) - 1, 0)
    core = shape[tuple(slice(a, a + 3) for a in low)].mean()
    pieces, cavities = ndimage.label(shape)[1], ndimage.label(~np.pad(shape, 1))[1] - 1
    full = volume / np.prod(extents * side)
    return np.array(
        [
            4 * np.cbrt(volume / shape.size),
            faces / volume,
            *(2 * extents),
            *(4 * (centre / side - 0.5)),
            *(8 * moments),
            core,
            min(pieces, 10) - 1,
            min(cavities, 10),
            2 * full,
        ]
    )
